/** Interfaces from configuration files, as wg-quick(8) has them: up, down, save, strip, and what it lacks. */
import type { Command } from 'commander'

const CONF = 'a path that ends in .conf, or NAME for /etc/wireguard/NAME.conf'

export function addTunnelCommands(program: Command): void {
  program.commandsGroup('Tunnels from files:')
  addUp(program)
  addDown(program)
  addFileCommands(program)
  addViews(program)
  addMakers(program)
}

function addUp(program: Command): void {
  program
    .command('up')
    .summary('bring an interface up')
    .description('Bring an interface up as its file says: keys, peers, addresses, MTU, DNS, routes, firewall, hooks.')
    .argument('<conf>', CONF)
    .option('--adapter <name>', 'the adapter to use, instead of the first that works (see "wireweave adapters")')
    .option('--userspace', "pass the kernel's WireGuard over")
    .option('-f, --foreground', 'stay, and tell what happens; Ctrl-C brings the interface down')
    .option('--no-hooks', 'run no PreUp, PostUp, PreDown and PostDown')
    .option('--kill-switch', 'let nothing leave around the tunnel, private networks excepted, until "down"')
    .option('--user <name>', 'give up root for this user once the interface is up')
    .option('--group <name>', 'with --user: for this group instead of that of the user')
    .option('--json', 'print what was done as JSON')
    .action(async (conf, flags) => (await import('../internal/tunnels/up-command.js')).upCommand(conf, flags))
}

function addDown(program: Command): void {
  program
    .command('down')
    .summary('bring an interface down')
    .description('Remove an interface and everything that belongs to it, whoever brought it up.')
    .argument('<conf>', CONF)
    .option('--no-hooks', 'run no PreDown and PostDown')
    .option('--if-up', 'do not complain when there is nothing to bring down')
    .option('--json', 'print what was done as JSON')
    .action(async (conf, flags) => (await import('../internal/tunnels/down-command.js')).downCommand(conf, flags))
}

function addFileCommands(program: Command): void {
  program
    .command('save')
    .summary('write what an interface is now to its file')
    .description('Write what a running interface is now to its file. Comments, names, hooks and spacing stay.')
    .argument('<conf>', CONF)
    .action(async (conf) => (await import('../internal/tunnels/save-command.js')).saveCommand(conf))

  program
    .command('strip')
    .summary('print a file without what only wg-quick knows')
    .description('Print a configuration for "wireweave setconf": without the keys that only wg-quick knows.')
    .argument('<conf>', CONF)
    .action(async (conf) => (await import('../internal/tunnels/strip-command.js')).stripCommand(conf))

  program
    .command('check')
    .summary('look for mistakes in files')
    .description('Say everything that is wrong with configuration files, or will not do what it seems to.')
    .argument('<file...>', 'files, names of interfaces, or - for standard input')
    .option('--strict', 'fail on warnings, too')
    .option('-q, --quiet', 'errors only')
    .option('--json', 'print a list of files with their problems')
    .action(async (files, flags) => {
      process.exitCode = (await import('../internal/tunnels/check-command.js')).checkCommand(files, flags)
    })
}

function addViews(program: Command): void {
  program
    .command('status')
    .summary('show what is up, and what it has on this machine')
    .description('Show what is up: adapter, process, addresses, routes, DNS, and how its peers are.')
    .argument('[interface]', 'one interface instead of all')
    .option('--json', 'print a list of interfaces')
    .action(async (name, flags) => (await import('../internal/tunnels/status-command.js')).statusCommand(name, flags))

  program
    .command('adapters')
    .summary('show which ways of carrying packets work here')
    .description('Show every adapter: whether it works here and, if not, why and what to do.')
    .option('--json', 'print a list of adapters')
    .action(async (flags) => (await import('../internal/tunnels/adapters-command.js')).adaptersCommand(flags))
}

function addMakers(program: Command): void {
  program
    .command('init')
    .summary('write the file of a new server')
    .description('Write the file of a new server with a key of its own, for "add-peer" to add to.')
    .argument('[conf]', CONF, 'wg0')
    .option('--address <list>', 'addresses of the server with the length of their network; private ones when absent')
    .option('--listen-port <port>', 'UDP port', '51820')
    .option('--endpoint <host[:port]>', 'where clients reach the server; a comment keeps it')
    .option('--dns <list>', 'DNS servers that clients get; a comment keeps them')
    .option('--json', 'print what was made, without private keys')
    .action(async (conf, flags) => (await import('../internal/tunnels/init-command.js')).initCommand(conf, flags))

  program
    .command('add-peer')
    .summary('add a client to a server, and write its file')
    .description('Add a client to a server: keys, a free address, its file and, with --qr, a code for its camera.')
    .argument('<conf>', `of the server: ${CONF}`)
    .argument('<peer>', 'what to call the client')
    .option('--address <list>', 'its addresses; the first free ones when absent')
    .option('--endpoint <host[:port]>', 'where it reaches the server; what "init" was told when absent')
    .option('--allowed-ips <list>', "what it sends into the tunnel; the server's networks when absent")
    .option('--full-tunnel', 'it sends everything into the tunnel')
    .option('--dns <list>', 'its DNS servers; what "init" was told when absent')
    .option('--keepalive <seconds>', 'how often it keeps a NAT awake; 0 for never', '25')
    .option('--public-key <key>', 'its key, when it has one: then only it can complete its file')
    .option('--no-preshared-key', 'do without a preshared key')
    .option('-o, --output <file>', 'its file; clients/INTERFACE/PEER.conf beside that of the server when absent')
    .option('--qr', 'show its file, which holds its private key, as a code for a camera')
    .option('--show-keys', 'with --json: print its file, which holds its private key')
    .option('--json', 'print what was made, without private keys')
    .action(async (conf, peer, flags) =>
      (await import('../internal/tunnels/add-peer-command.js')).addPeerCommand(conf, peer, flags),
    )
}

/** The last that a list of commands shows. */
export function addHelpCommands(program: Command): void {
  program.commandsGroup('Help:')
  program
    .command('help')
    .summary('explain a command')
    .description('Explain a command as a page of a manual would.')
    .argument('[command]')
    .action(async (name) => (await import('../internal/help-command.js')).helpCommand(program, name))

  program
    .command('completion')
    .summary('print what completes command lines in a shell')
    .description('Print a script that completes command lines of wireweave.')
    .argument('<shell>', 'bash, zsh or fish')
    .action(async (shell) => (await import('../internal/completion.js')).completionCommand(program, shell))
}
