/** `wireweave help`: of a command what a page of a manual would say. */
import { Help } from 'commander'
import type { Command } from 'commander'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { COMMON_ENVIRONMENT, MANUALS } from './manuals.js'
import type { Manual } from './manuals.js'
import { columnsOf, print, styleOf, wrap } from './terminal.js'

const WIDEST = 100
const EXIT_STATUS = [
  ['0', 'done'],
  ['1', 'not done; standard error says why'],
] as const
const INDENT = '    '

export function helpCommand(program: Command, name: string | undefined): void {
  if (name === undefined) return program.outputHelp()
  const command = program.commands.find((each) => each.name() === name)
  if (command === undefined) {
    throw new WireGuardError('CONFIG_INVALID', `there is no command ${JSON.stringify(name)}. See "wireweave help".`)
  }
  print(manualPage(command, Math.min(columnsOf(), WIDEST), styleOf(1).bold))
}

export function manualPage(command: Command, width: number, bold: (text: string) => string): string {
  const help = new Help()
  const {
    details = [],
    words = [],
    examples = [],
    environment = [],
    status = [],
  }: Manual = MANUALS[command.name()] ?? {}
  const options = help.visibleOptions(command).map((option) => [option.flags, option.description] as const)
  const values = help.visibleArguments(command).map((each) => [help.argumentTerm(each), each.description] as const)
  const sections: [title: string, text: string][] = [
    ['NAME', paragraphs([`wireweave ${command.name()} - ${command.summary() || command.description()}`], width)],
    ['SYNOPSIS', paragraphs([help.commandUsage(command)], width)],
    ['DESCRIPTION', paragraphs([command.description(), ...details], width)],
    ['ARGUMENTS', terms(values, width, bold)],
    ['WORDS', terms(words, width, bold)],
    ['OPTIONS', terms(options, width, bold)],
    ['ENVIRONMENT', terms([...environment, ...COMMON_ENVIRONMENT], width, bold)],
    ['EXIT STATUS', terms([...new Map([...EXIT_STATUS, ...status])], width, bold)],
    ['EXAMPLES', examples.map((line) => `${INDENT}${line}\n`).join('')],
  ]
  return sections
    .filter(([, text]) => text !== '')
    .map(([title, text]) => `${bold(title)}\n${text}`)
    .join('\n')
}

function paragraphs(texts: readonly string[], width: number): string {
  return texts.map((text) => indented(text, width, INDENT)).join('\n')
}

function terms(
  list: readonly (readonly [term: string, text: string])[],
  width: number,
  bold: (text: string) => string,
): string {
  return list.map(([term, text]) => `${INDENT}${bold(term)}\n${indented(text, width, INDENT.repeat(2))}`).join('')
}

function indented(text: string, width: number, indent: string): string {
  return wrap(text, width - indent.length)
    .map((line) => `${indent}${line}\n`)
    .join('')
}
