#!/usr/bin/env node
import { Command } from 'commander'
import { addInterfaceCommands } from '../commands/interfaces.js'
import { addKeyCommands } from '../commands/keys.js'
import { addProxyCommands } from '../commands/proxy.js'
import { addServiceCommands } from '../commands/service.js'
import { addHelpCommands, addTunnelCommands } from '../commands/tunnels.js'
import { print, printable, say } from '../internal/terminal.js'
import { VERSION } from '../internal/version.js'

const program = new Command('wireweave')
  .description('WireGuard for Node.js.')
  .version(VERSION, '-v, --version', 'print the version')
  .helpOption('-h, --help', 'print this')
  .helpCommand(false)
  .showHelpAfterError('See wireweave --help.')
  .configureOutput({
    writeOut: (text) => void print(text),
    outputError: (text, write) => write(printable(text.replace(/^error: /, 'wireweave: '))),
  })
  .addHelpText(
    'after',
    `
A server, and a first client that scans its file:
  wireweave init wg0 && wireweave up wg0
  wireweave add-peer wg0 phone --endpoint vpn.example.org --qr

For wg(8) and wg-quick(8) there is wireweave-daemon, which takes the place of wireguard-go.`,
  )

addTunnelCommands(program)
addInterfaceCommands(program)
addProxyCommands(program)
addServiceCommands(program)
addKeyCommands(program)
addHelpCommands(program)

for (const command of program.commands.flatMap((each) => [each, ...each.commands])) {
  const parent = command.parent === program ? '' : `${command.parent!.name()} `
  command.showHelpAfterError(`See wireweave ${parent}${command.name()} --help.`)
}

try {
  if (process.argv.length <= 2) program.outputHelp()
  else await program.parseAsync()
} catch (error) {
  say(printable(`wireweave: ${error instanceof Error ? error.message : 'unknown failure'}`))
  process.exitCode = 1
}
