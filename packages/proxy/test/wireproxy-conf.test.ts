import { readConf } from '@wireweave/config/conf'
import { expect, test } from 'vitest'
import { readWireproxyConf } from '../src/wireproxy-conf.js'

const read = (text: string, environment = {}): ReturnType<typeof readWireproxyConf> =>
  readWireproxyConf(text, 'proxy.conf', environment)

const INTERFACE = `[Interface]
Address = 10.5.0.2/32
PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=
CheckAlive = 10.5.0.1, fd00::1
CheckAliveInterval = 3
DNS = 10.5.0.1
`

test('every section of wireproxy becomes a service', () => {
  const text = `${INTERFACE}
[Peer]
PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=
Endpoint = 192.0.2.1:51820
AllowedIPs = 0.0.0.0/0

[TCPClientTunnel] # a comment
BindAddress = 127.0.0.1:25565
Target = play.example:25565
[TCPServerTunnel]
ListenPort = 3422
Target = localhost:25545
[STDIOTunnel]
Target = ssh.example:22
[Socks5]
BindAddress = 127.0.0.1:25344
Username = $USER_OF_PROXY
Password = $$ecret
[http]
BindAddress = 127.0.0.1:25345
CertFile = cert.pem
KeyFile = key.pem
[UDPProxyTunnel]
BindAddress = :53
Target = [fd00::1]:53
InactivityTimeout = 30
[Resolve]
ResolveStrategy = ipv4
`
  const conf = read(text, { USER_OF_PROXY: 'anna' })
  expect(conf.services).toEqual([
    {
      ...{ kind: 'forward', protocol: 'tcp', host: '127.0.0.1', port: 25565 },
      target: { host: 'play.example', port: 25565 },
    },
    { kind: 'reverse', protocol: 'tcp', port: 3422, target: { host: 'localhost', port: 25545 } },
    {
      ...{ kind: 'socks5', host: '127.0.0.1', port: 25344 },
      credentials: { username: 'anna', password: '$ecret' },
    },
    { kind: 'http', host: '127.0.0.1', port: 25345, credentials: undefined },
    {
      ...{ kind: 'forward', protocol: 'udp', host: '::', port: 53, idleMs: 30_000 },
      target: { host: 'fd00::1', port: 53 },
    },
  ])
  expect(conf.certificates.get(conf.services[3]!)).toEqual({ cert: 'cert.pem', key: 'key.pem' })
  expect(conf).toMatchObject({ stdio: { host: 'ssh.example', port: 22 }, family: 4, tunnelFile: null })
  expect(conf).toMatchObject({ checkAlive: ['10.5.0.1', 'fd00::1'], checkAliveSeconds: 3 })
  // What is left is a file of wg-quick, with its lines where they were.
  expect(conf.tunnelText.split('\n').length).toBe(text.split('\n').length)
  const { problems, conf: tunnel } = readConf(conf.tunnelText)
  expect(problems).toEqual([])
  expect(tunnel.peers[0]!.line).toBe(8)
})

test('a key of the tunnel may be in the environment', () => {
  const text = '[Interface]\nPrivateKey = $KEY # not here\n[Peer]\nEndpoint = $MISSING\n'
  expect(() => read(text, { KEY: 'abc' })).toThrow(/^proxy\.conf:4: the variable MISSING is not set/)
  expect(read(text, { KEY: 'a$&b', MISSING: 'x' }).tunnelText).toBe(
    '[Interface]\nPrivateKey = a$&b # not here\n[Peer]\nEndpoint = x\n',
  )
})

test('a variable cannot add lines, and its value is not shown', () => {
  expect(() => read('[Interface]\nPrivateKey = $KEY\n', { KEY: 'a\n[Peer]' })).toThrow(
    /^proxy\.conf:2: the variable KEY is more than one line/,
  )
  const attempt = (): unknown => read('[Socks5]\nBindAddress = $SECRET\n', { SECRET: 'hunter2' })
  expect(attempt).toThrow(/the value of the variable is no address/)
  expect(attempt).not.toThrow(/hunter2/)
})

test('a section that only objects of JavaScript have is none of ours', () => {
  const text = '[constructor]\nAddress = x\n'
  expect(read(text)).toMatchObject({ tunnelText: text, services: [], family: 0 })
})

test('WGConfig names another file', () => {
  const conf = read('WGConfig = /etc/wireguard/wg0.conf\n\n[Socks5]\nBindAddress = 127.0.0.1:1\n')
  expect(conf).toMatchObject({ tunnelFile: '/etc/wireguard/wg0.conf', services: [{ kind: 'socks5', port: 1 }] })
})

test('a plain file has no services, and is passed on as it is', () => {
  const text = '[Interface]\nAddress = 10.0.0.1\n# Socks5\n'
  expect(read(text)).toMatchObject({ tunnelText: text, services: [], stdio: null, family: 0 })
})

test.each([
  ['[Socks5]', /^proxy\.conf:1: BindAddress: it is missing/],
  ['[Socks5]\nBindAddress = nowhere', /^proxy\.conf:2: BindAddress: "nowhere" is no address with a port/],
  ['[Socks5]\nBindAddress = 127.0.0.1:1\nUser = x', /^proxy\.conf:3: the key "user" is unknown here/],
  [
    '[Socks5]\nBindAddress = 127.0.0.1:1\nPassword = $NOT_SET',
    /^proxy\.conf:3: Password: the variable NOT_SET is not set/,
  ],
  [
    '[TCPServerTunnel]\nListenPort = 70000\nTarget = a:1',
    /^proxy\.conf:2: ListenPort: "70000" is not a number in range/,
  ],
  [
    '[TCPClientTunnel]\nBindAddress = 127.0.0.1:1\nTarget = fd00::1:1',
    /^proxy\.conf:3: Target: .* is no host with a port/,
  ],
  ['[http]\nBindAddress = 127.0.0.1:1\nCertFile = a', /^proxy\.conf:3: CertFile and KeyFile go together/],
  ['[Resolve]\nResolveStrategy = ipv5', /^proxy\.conf:2: ResolveStrategy: "ipv5" is none\. Use auto, ipv4 or ipv6/],
  ['[Resolve]\nResolveStrategy = constructor', /^proxy\.conf:2: ResolveStrategy: "constructor" is none/],
  ['[Socks5]\nBindAddress = 127.0.0.1:1\nUsername = x', /^proxy\.conf:3: Password: it is missing/],
  ['[Interface]\nCheckAlive = name', /^proxy\.conf:2: CheckAlive: "name" is no IP address/],
])('%j is an error that says where', (text, message) => {
  expect(() => read(text)).toThrow(message)
})
