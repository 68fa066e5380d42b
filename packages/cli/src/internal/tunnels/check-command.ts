/** `wireweave check`: everything there is to say about files, before they are used. */
import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { lintConf } from '@wireweave/config/conf-lint'
import type { ConfProblem } from '@wireweave/config/conf-problem'
import { isInterfaceName } from '@wireweave/tunnel/interface-name'
import { publicKeyOf } from './new-keys.js'
import { print, printable, styleOf } from '../terminal.js'
import type { Style } from '../terminal.js'

export interface CheckFlags {
  readonly strict?: boolean
  readonly quiet?: boolean
  readonly json?: boolean
}

interface CheckedFile {
  readonly file: string
  readonly problems: readonly ConfProblem[]
}

/** Resolves to the exit code: 1 when a file has an error, or with `strict` a warning. */
export function checkCommand(sources: readonly string[], flags: CheckFlags): number {
  const checked = sources.map(checkFile)
  if (flags.json === true) print(`${JSON.stringify(checked, null, 2)}\n`)
  else print(checked.map((each) => describeFile(each, flags.quiet === true, styleOf(1))).join(''))
  const all = checked.flatMap(({ problems }) => problems)
  if (flags.json !== true && flags.quiet !== true) print(`${summary(all, sources.length)}\n`)
  return all.some(({ severity }) => severity === 'error' || (flags.strict === true && severity === 'warning')) ? 1 : 0
}

function checkFile(source: string): CheckedFile {
  const file = source === '-' ? 0 : fileOf(source)
  const shown = source === '-' ? 'standard input' : String(file)
  try {
    const text = readFileSync(file, 'utf8')
    const mode = typeof file === 'string' && statSync(file).isFile() ? { mode: statSync(file).mode & 0o777 } : {}
    return { file: shown, problems: [...nameProblems(file), ...lintConf(text, { ...mode, publicKeyOf })] }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown'
    const remedy = code === 'EACCES' ? 'Run as root.' : 'Is it the right path?'
    return { file: shown, problems: [problem('error', 'unreadable', `the file cannot be read (${code})`, remedy)] }
  }
}

/** A file; else what the name of an interface means. */
function fileOf(source: string): string {
  const isName = isInterfaceName(source) && !source.endsWith('.conf') && !isFile(source)
  return isName ? `/etc/wireguard/${source}.conf` : source
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false
}

function nameProblems(file: string | number): ConfProblem[] {
  if (typeof file === 'number') return []
  const base = path.basename(file)
  if (base.endsWith('.conf') && isInterfaceName(base.slice(0, -5))) return []
  const message = 'no interface can be named after this file, so "up" will not take it'
  return [problem('hint', 'file-name', message, 'Call it NAME.conf, NAME being 1 to 15 of a-z A-Z 0-9 _ = + . -')]
}

function problem(severity: ConfProblem['severity'], rule: string, message: string, remedy: string): ConfProblem {
  return { severity, rule, line: null, key: null, message, remedy }
}

function describeFile({ file, problems }: CheckedFile, isQuiet: boolean, style: Style): string {
  const shown = isQuiet ? problems.filter(({ severity }) => severity === 'error') : problems
  return shown.map((each) => `${describeProblem(each, file, style)}\n`).join('')
}

/** `wg0.conf:7: warning: MTU: … . …`, which editors and CI systems can read. */
function describeProblem({ severity, line, key, message, remedy }: ConfProblem, file: string, style: Style): string {
  const place = style.bold(printable(line === null ? `${file}:` : `${file}:${line}:`))
  const colour = severity === 'error' ? style.red : severity === 'warning' ? style.magenta : style.dim
  return `${place} ${colour(`${severity}:`)} ${key === null ? '' : `${key}: `}${message}. ${remedy}`
}

function summary(problems: readonly ConfProblem[], files: number): string {
  const count = (severity: string): number => problems.filter((each) => each.severity === severity).length
  const parts = (['error', 'warning', 'hint'] as const)
    .filter((severity) => count(severity) > 0)
    .map((severity) => plural(count(severity), severity))
  return `${plural(files, 'file')}: ${parts.length === 0 ? 'nothing to complain about' : parts.join(', ')}`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
