/** Tunnels as services of Windows. */
import type { Command } from 'commander'

const CONF = 'a path that ends in .conf, or NAME for %ProgramFiles%\\Wireweave\\NAME.conf'

export function addServiceCommands(program: Command): void {
  program.commandsGroup('Windows:')
  const service = program.command('service').summary('keep a tunnel up as a service of Windows').helpCommand(false)
  service
    .command('install')
    .summary('define, install and start it')
    .description('Write the definition of a service that runs "wireweave up"; with WinSW also install and start it.')
    .argument('<conf>', CONF)
    .option('--winsw <exe>', 'WinSW, of github.com/winsw/winsw: it is copied')
    .option('--adapter <name>', 'the adapter to use, instead of the first that works (see "wireweave adapters")')
    .option('--hooks', 'run PreUp, PostUp, PreDown and PostDown, with all rights of LocalSystem')
    .action(async (conf, flags) => (await import('../internal/service/service-command.js')).installService(conf, flags))
  service
    .command('remove')
    .summary('stop and remove it')
    .argument('<conf>', CONF)
    .action(async (conf) => (await import('../internal/service/service-command.js')).removeService(conf))
  service
    .command('status')
    .summary('print whether it runs')
    .argument('<conf>', CONF)
    .action(async (conf) => (await import('../internal/service/service-command.js')).serviceStatus(conf))
}
