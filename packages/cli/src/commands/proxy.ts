/** `proxy`: a tunnel that ends in this process, and doors through it. Neither root nor a driver. */
import type { Command } from 'commander'
import type { ProxyFlags } from '../internal/proxy/settings.js'

export function addProxyCommands(program: Command): void {
  program.commandsGroup('Without root:')
  const collect = (text: string, list: string[] = []): string[] => [...list, text]
  program
    .command('proxy')
    .summary('open a tunnel inside this process and lead programs through it; needs no root')
    .description('Open a tunnel inside this process and lead programs through it. Needs no root.')
    .argument('<conf>', 'a file of wg-quick, NAME for the one in /etc/wireguard, or a file of wireproxy')
    .option('-D, --socks <place>', 'a SOCKS5 proxy, TCP and UDP, at [bind:]port', collect)
    .option('--http <place>', 'an HTTP proxy at [bind:]port', collect)
    .option('-L, --forward <way>', '[bind:]port:host:port[/udp]: a port here that leads into the tunnel', collect)
    .option('-R, --reverse <way>', '[bind:]port:host:port[/udp]: a port of the tunnel that leads here', collect)
    .option('-W, --stdio <host:port>', 'make standard input and output a connection to there')
    .option('--metrics <place>', '/metrics for Prometheus, and /readyz, at [bind:]port')
    .option('--user <name>', 'ask for this name and the password in WIREWEAVE_PROXY_PASSWORD')
    .option('--password-file <file>', 'take the password from the first line of a file')
    .option('--allow-unauthenticated', 'listen beyond this machine also without a password')
    .option('-n, --configtest', 'say whether the configuration is right, and end')
    .option('--json', 'say what happens as lines of JSON')
    .option('--verbose', 'tell of every handshake and keepalive')
    .addHelpText(
      'after',
      `
Of [Interface] the key, port, addresses, DNS and MTU count; hooks and routes do
not. Without bind it is 127.0.0.1; -R without bind is every address of the
tunnel. "wireweave help proxy" says more.

  wireweave proxy wg0.conf -D 1080
  curl --proxy socks5h://127.0.0.1:1080 http://intranet.example/
  wireweave proxy wg0.conf -L 5432:db.internal:5432 -L 5353:10.0.0.1:53/udp
  wireweave proxy wg0.conf -R 80:localhost:3000
  ssh -o ProxyCommand='wireweave proxy wg0.conf -W %h:%p' host`,
    )
    .action(async (conf: string, flags: ProxyFlags) => (await import('../internal/proxy/run.js')).runProxy(conf, flags))
}
