/** `genkey`, `genpsk` and `pubkey`, as wg(8) has them. */
import type { Command } from 'commander'

export function addKeyCommands(program: Command): void {
  program.commandsGroup('Keys:')
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
}
