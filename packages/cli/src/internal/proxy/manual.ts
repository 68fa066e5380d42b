/** What `wireweave help proxy` says beyond the options. */
import type { Manual } from '../manuals.js'

export const PROXY_MANUAL: Manual = {
  details: [
    'Opens the tunnel of a file inside this process, with TCP/IP of its own: neither root nor a driver nor an interface, on any system. What the options and the file name is opened, and each line that is printed names a place that is. Ctrl-C ends everything.',
    'Of [Interface] the key, port, addresses, DNS and MTU count. Hooks, routes and marks do not: nothing of this machine is touched. Names are resolved through the tunnel, by the servers of DNS; without them only addresses work.',
    'A file of wireproxy is one as well: [Socks5], [http], [TCPClientTunnel], [TCPServerTunnel], [STDIOTunnel], [UDPProxyTunnel], [Resolve], WGConfig, CheckAlive and values written as $NAME mean what they mean there.',
    'Beyond 127.0.0.1 it listens only where a password is asked for, unless --allow-unauthenticated says that everybody may come in. A forward cannot ask for one.',
    '-R can be reached only once the other side knows where this one is: PersistentKeepalive = 25 in [Peer] makes that so.',
    '/readyz is 200 while the tunnel is open and every address of CheckAlive answers pings, else 503.',
  ],
  environment: [
    ['WIREWEAVE_PROXY_PASSWORD', 'the password that goes with --user'],
    [
      'WG_ENDPOINT_RESOLUTION_RETRIES',
      'how often to ask for a host name that gets no answer: 15 by default, or infinity',
    ],
  ],
  status: [['1', 'something could not be opened, or the tunnel ended by itself; a line says why']],
  examples: [
    'wireweave proxy wg0.conf -D 1080',
    'curl --proxy socks5h://127.0.0.1:1080 http://intranet.example/',
    'wireweave proxy wg0.conf -L 5432:db.internal:5432 -L 5353:10.0.0.1:53/udp',
    'wireweave proxy wg0.conf -R 80:localhost:3000',
    "ssh -o ProxyCommand='wireweave proxy wg0.conf -W %h:%p' host",
  ],
}
