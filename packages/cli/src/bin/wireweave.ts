#!/usr/bin/env node
import { Command } from 'commander'
import { VERSION } from '../internal/version.js'

const program = new Command('wireweave')
  .description('WireGuard for Node.js.')
  .version(VERSION, '-v, --version', 'print the version')
  .helpOption('-h, --help', 'print this')
  .helpCommand(false)
  .showHelpAfterError('See wireweave --help.')
  .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'wireweave: ')) })
  .addHelpText(
    'after',
    `
A new pair of keys:
  umask 077 && wireweave genkey > private.key
  wireweave pubkey < private.key > public.key

A tunnel is served by wireweave-daemon, which works with wg(8) and wg-quick(8): see wireweave-daemon --help.`,
  )

program
  .command('genkey')
  .description('print a new private key')
  .action(async () => (await import('../internal/key-commands.js')).genkey())

program
  .command('genpsk')
  .description('print a new preshared key')
  .action(async () => (await import('../internal/key-commands.js')).genpsk())

program
  .command('pubkey')
  .description('read a private key from standard input and print its public key')
  .action(async () => (await import('../internal/key-commands.js')).pubkey())

try {
  await program.parseAsync()
} catch (error) {
  process.stderr.write(`wireweave: ${error instanceof Error ? error.message : 'unknown failure'}\n`)
  process.exitCode = 1
}
