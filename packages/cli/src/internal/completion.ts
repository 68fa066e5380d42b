/** Completion of command lines, made from the tree of commands: whatever is added there is completed. */
import { Help } from 'commander'
import type { Command } from 'commander'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { print } from './terminal.js'

export function completionCommand(program: Command, shell: string): void {
  print(completionText(program, shell))
}

/** Throws a `WireGuardError` for a shell that is unknown. */
export function completionText(program: Command, shell: string): string {
  const write = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined
  if (write === undefined) {
    throw new WireGuardError('CONFIG_INVALID', `there is no completion for ${JSON.stringify(shell)}: bash, zsh or fish`)
  }
  return write(entriesOf(program))
}

interface Entry {
  readonly name: string
  readonly summary: string
  readonly options: readonly OptionEntry[]
  readonly completes: 'conf' | 'file' | 'interface' | 'command' | 'shell' | 'nothing'
}

interface OptionEntry {
  readonly long: string | null
  readonly short: string | null
  readonly summary: string
  readonly takesValue: boolean
}

const SHELLS: Readonly<Record<string, (entries: readonly Entry[]) => string>> = { bash, zsh, fish }
const COMPLETES: Readonly<Record<string, Entry['completes']>> = {
  conf: 'conf',
  file: 'file',
  interface: 'interface',
  command: 'command',
  shell: 'shell',
}

function entriesOf(program: Command): Entry[] {
  const help = new Help()
  return help.visibleCommands(program).map((command) => ({
    name: command.name(),
    summary: command.summary() || command.description(),
    options: help.visibleOptions(command).map((option) => ({
      long: option.long ?? null,
      short: option.short ?? null,
      summary: option.description,
      takesValue: option.required || option.optional,
    })),
    completes: COMPLETES[command.registeredArguments[0]?.name() ?? ''] ?? 'nothing',
  }))
}

/** Names in `/etc/wireguard`, which only root may list. Other characters mean something to `compgen -W`, as below. */
const NAMES =
  'for f in /etc/wireguard/*.conf; do f=${f##*/}; f=${f%.conf}; ' +
  'case $f in *[!a-zA-Z0-9_=+.-]*) ;; *) echo "$f" ;; esac; done 2>/dev/null'
/** `compgen -W` of bash carries commands in its words out. */
const INTERFACES = "wireweave show interfaces 2>/dev/null | tr -cd 'a-zA-Z0-9_=+. \\n-'"

function bash(entries: readonly Entry[]): string {
  const cases = entries.map((entry) => {
    const options = flagsOf(entry).join(' ')
    return `    ${entry.name}) words="$words ${options}"; ${BASH_WORDS[entry.completes](entries)} ;;\n`
  })
  const valued = [
    ...new Set(entries.flatMap(({ options }) => options.filter(({ takesValue }) => takesValue)).flatMap(namesOf)),
  ]
  return `# wireweave completion for bash
_wireweave() {
  local cur=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} words="" files=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${entries.map(({ name }) => name).join(' ')} --help --version" -- "$cur"))
    return
  fi
  case $previous in ${valued.join('|') || "''"}) COMPREPLY=($(compgen -f -- "$cur")); return ;; esac
  case \${COMP_WORDS[1]} in
${cases.join('')}  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  [ -z "$files" ] || COMPREPLY+=($(compgen -f -X "$files" -- "$cur") $(compgen -d -- "$cur"))
}
complete -o filenames -F _wireweave wireweave
`
}

const BASH_WORDS: Readonly<Record<Entry['completes'], (entries: readonly Entry[]) => string>> = {
  conf: () => `words="$words $(${NAMES})"; files='!*.conf'`,
  file: () => `words="$words $(${NAMES})"; files='!*'`,
  interface: () => `words="$words $(${INTERFACES})"; files='!*'`,
  command: (entries) => `words="$words ${entries.map(({ name }) => name).join(' ')}"`,
  shell: () => 'words="$words bash zsh fish"',
  nothing: () => ':',
}

function zsh(entries: readonly Entry[]): string {
  const commands = entries.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}\n`)
  const cases = entries.map(({ name, options, completes }) => {
    const specs = options.flatMap((option) => namesOf(option).map((flag) => zshOption(flag, option)))
    return `    ${name}) _arguments ${[...specs, ...zshArguments(completes, entries)].join(' ')} ;;\n`
  })
  return `#compdef wireweave
# wireweave completion for zsh
_wireweave_names() { compadd -- $(${NAMES}) }
_wireweave_interfaces() { compadd -- $(${INTERFACES}) }
_wireweave_confs() { _wireweave_names; _files -g '*.conf' }
_wireweave() {
  local -a commands
  commands=(
${commands.join('')}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('')}  esac
}
if [ "$funcstack[1]" = _wireweave ]; then _wireweave "$@"; else compdef _wireweave wireweave; fi
`
}

function zshOption(flag: string, { summary, takesValue }: OptionEntry): string {
  const text = summary.replaceAll(/[[\]:]/g, (character) => `\\${character}`)
  return quoted(`${flag}[${text}]${takesValue ? ':value:_files' : ''}`)
}

function zshArguments(completes: Entry['completes'], entries: readonly Entry[]): string[] {
  const names = entries.map(({ name }) => name).join(' ')
  const actions: Readonly<Record<Entry['completes'], string>> = {
    conf: "'1:conf:_wireweave_confs'",
    file: "'*:file:_files'",
    interface: "'1:interface:_wireweave_interfaces' '*:value:_files'",
    command: quoted(`1:command:(${names})`),
    shell: "'1:shell:(bash zsh fish)'",
    nothing: '',
  }
  return actions[completes] === '' ? [] : [actions[completes]]
}

function fish(entries: readonly Entry[]): string {
  const lines = entries.map(
    ({ name, summary }) => `complete -c wireweave -n __fish_use_subcommand -f -a ${name} -d ${fishQuoted(summary)}\n`,
  )
  for (const { name, options, completes } of entries) {
    const seen = `complete -c wireweave -n ${fishQuoted(`__fish_seen_subcommand_from ${name}`)}`
    for (const { long, short, summary, takesValue } of options) {
      const names = `${long === null ? '' : ` -l ${long.slice(2)}`}${short === null ? '' : ` -s ${short.slice(1)}`}`
      lines.push(`${seen}${names}${takesValue ? ' -r' : ''} -d ${fishQuoted(summary)}\n`)
    }
    const words: Readonly<Record<Entry['completes'], string>> = {
      conf: "(path basename /etc/wireguard/*.conf 2>/dev/null | string replace -r '\\.conf$' '')",
      file: '',
      interface: `(${INTERFACES} | string split ' ')`,
      command: entries.map((entry) => entry.name).join(' '),
      shell: 'bash zsh fish',
      nothing: '',
    }
    const noFiles = ['shell', 'command', 'nothing'].includes(completes) ? ' -f' : ''
    const given = words[completes] === '' ? '' : ` -a ${fishQuoted(words[completes])}`
    if (noFiles + given !== '') lines.push(`${seen}${noFiles}${given}\n`)
  }
  return `# wireweave completion for fish\n${lines.join('')}`
}

function flagsOf({ options }: Entry): string[] {
  return options.flatMap(namesOf)
}

function namesOf({ long, short }: OptionEntry): string[] {
  return [long, short].filter((flag) => flag !== null)
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

function fishQuoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, (character) => `\\${character}`)}'`
}
