/** Commands about interfaces that run already, as wg(8) has them; `watch` is ours. */
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'
import type { ShowFlags } from '../internal/interfaces/show.js'
import type { WatchFlags } from '../internal/interfaces/watch.js'

const FILE = 'a configuration file; - is standard input'

export function addInterfaceCommands(program: Command): void {
  program.commandsGroup('Interfaces that run:')
  addShow(program)
  addWatch(program)
  addSet(program)
  addFileCommands(program)
}

function addShow(program: Command): void {
  program
    .command('show')
    .summary('show interfaces and their peers')
    .description('Show what an interface is and what its peers do.')
    .argument('[interface]', 'an interface, "all" (the default), or "interfaces" for their names')
    .argument('[field]', 'print only this, for programs')
    .option('--json', 'print JSON, in the shape of wg-json')
    .option('--show-keys', 'show private and preshared keys')
    .action(async (which: string | undefined, field: string | undefined, flags: ShowFlags) => {
      const { show } = await import('../internal/interfaces/show.js')
      process.exitCode = await show(which ?? 'all', field, flags)
    })
}

function addWatch(program: Command): void {
  program
    .command('watch')
    .summary('watch traffic and handshakes as they happen')
    .description('Show peers again and again, with the rates of their traffic.')
    .argument('[interface]', 'all of them when absent')
    .option('-n, --interval <seconds>', 'how often to look', secondsOf, 2)
    .option('-c, --count <times>', 'end after so many looks', countOf)
    .option('--json', 'print JSON, a line for each interface at each look')
    .option('--show-keys', 'show private and preshared keys in JSON')
    .action(async (name: string | undefined, flags: WatchFlags) => {
      const { watch } = await import('../internal/interfaces/watch.js')
      await watch(name ?? null, flags)
    })
}

function addSet(program: Command): void {
  program
    .command('set')
    .summary('change settings and peers')
    .description('Change an interface that runs, and its peers.')
    .usage('<interface> [listen-port PORT] [fwmark MARK] [private-key FILE] [peer KEY [remove] …] …')
    .argument('<interface>', 'the interface')
    .argument('[words...]', 'what to change: see "wireweave help set"')
    // Words such as -10.0.0.0/8 are no options.
    .allowUnknownOption()
    .action(async (name: string, words: string[]) => {
      const { set } = await import('../internal/interfaces/configure.js')
      await set(name, words)
    })
}

function addFileCommands(program: Command): void {
  program
    .command('showconf')
    .summary('print the configuration in the form of a file')
    .description('Print what "setconf" takes.')
    .argument('<interface>', 'the interface')
    .action(async (name: string) => (await import('../internal/interfaces/configure.js')).showconf(name))

  const commands = [
    ['setconf', 'replace the configuration by a file', 'Make a file the whole configuration of an interface.'],
    ['addconf', 'add a file to the configuration', 'Add what a file has to the configuration of an interface.'],
    [
      'syncconf',
      'make the configuration that of a file, keeping sessions',
      'Make the configuration of an interface that of a file, without disturbing sessions.',
    ],
  ] as const
  for (const [name, summary, description] of commands) {
    program
      .command(name)
      .summary(summary)
      .description(description)
      .argument('<interface>', 'the interface')
      .argument('<file>', FILE)
      .action(async (interfaceName: string, file: string) =>
        (await import('../internal/interfaces/configure.js'))[name](interfaceName, file),
      )
  }
}

function secondsOf(text: string): number {
  const seconds = Number(text)
  if (/^[0-9]+(\.[0-9]+)?$/.test(text) && seconds >= 0.1 && seconds <= 86_400) return seconds
  throw new InvalidArgumentError('Use a number of seconds from 0.1 to 86400.')
}

function countOf(text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Use a number from 1.')
}
