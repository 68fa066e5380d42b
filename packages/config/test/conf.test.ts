import { decodeKey, formatKey } from '@wireweave/tunnel/keys'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { formatPrefix } from '@wireweave/tunnel/ip'
import { expect, test } from 'vitest'
import { parseConf, readConf } from '../src/conf/conf.js'
import { parseDocument, printDocument } from '../src/conf/document.js'
import { addPeer, removePeer } from '../src/conf/edit.js'
import { saveConf, showConf, stripConf } from '../src/conf/format.js'
import { addUpdate, literalEndpoint, setUpdate } from '../src/conf/update.js'
import { ModelDevice } from './support/model-device.js'

const PRIVATE = 'yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk='
const ALICE = 'xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg='
const BOB = 'TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0='

const FILE = `# My tunnel
[interface]
privatekey=${PRIVATE} # secret
Address = 10.0.0.1/24, fd00::1/64
Address = 10.1.0.1
DNS = 1.1.1.1, corp.example  fd00::53
MTU = 1380
PostUp = echo %i # is up
FwMark = 0xca6c

# The laptop
[Peer]
# Name = laptop
PublicKey = ${ALICE}
AllowedIPs = 10.0.0.2/32
AllowedIPs = 10.9.0.1/16, fd00::2
Endpoint = vpn.example.com:51820
PersistentKeepalive = 25

# The server
[Peer]
  # friendly_name = server
PublicKey = ${BOB}
Endpoint = [fe80::1%eth0]:1
PersistentKeepalive = off
`

test('keys are read as wg and wg-quick read them', () => {
  const { device, peers, quick } = parseConf(FILE, 'wg0.conf')
  expect(device).toMatchObject({ listenPort: null, fwmark: 0xca6c })
  expect(quick.addresses.map(formatPrefix)).toEqual(['10.0.0.1/24', 'fd00::1/64', '10.1.0.1/32'])
  expect(quick.dnsServers).toHaveLength(2)
  expect(quick).toMatchObject({ dnsSearch: ['corp.example'], mtu: 1380, table: 'auto', saveConfig: false })
  expect(quick.hooks.postUp).toEqual(['echo %i # is up'])
  expect(peers.map(({ name }) => name)).toEqual(['laptop', 'server'])
  expect(peers[0]!.allowedIps.map(formatPrefix)).toEqual(['10.0.0.2/32', '10.9.0.0/16', 'fd00::2/128'])
  expect(peers[0]!.endpoint).toEqual({ host: 'vpn.example.com', port: 51820 })
  expect(peers[1]).toMatchObject({ endpoint: { host: 'fe80::1%eth0', port: 1 }, persistentKeepaliveInterval: 0 })
})

test('an incremental list of allowed IPs changes what is there', () => {
  const [peer] = parseConf(`[Peer]\nPublicKey=${ALICE}\nAllowedIPs = +10.0.0.0/8, -10.1.0.0/16`, 'f').peers
  expect(peer!.replaceAllowedIps).toBe(false)
  expect(peer!.allowedIps.map(({ remove }) => remove ?? false)).toEqual([false, true])
})

test('a domain to search is no option of a program', () => {
  expect(readConf('[Interface]\nDNS = --help\n').problems).toMatchObject([{ severity: 'error', key: 'DNS', line: 2 }])
})

test('sections of other programs are passed over on request', () => {
  const text = `${FILE}[Socks5]\nBindAddress = 127.0.0.1:1080\n`
  expect(readConf(text).problems).toHaveLength(1)
  expect(readConf(text, { otherSections: ['socks5'] }).problems).toEqual([])
})

test('set stands for the whole device, add only for what the file names', () => {
  const conf = parseConf(`[Interface]\n[Peer]\nPublicKey = ${ALICE}\nEndpoint = 192.0.2.1:7`, 'f')
  const resolved = (endpoint: { host: string; port: number }) => literalEndpoint(endpoint) ?? undefined
  expect(setUpdate(conf, resolved)).toMatchObject({ privateKey: null, listenPort: 0, fwmark: null, replacePeers: true })
  expect(Object.keys(addUpdate(conf, resolved))).toEqual(['peers'])
  expect(addUpdate(conf, resolved).peers![0]!.endpoint).toEqual({ address: Uint8Array.of(192, 0, 2, 1), port: 7 })
  expect(literalEndpoint({ host: 'fe80::1%eth0', port: 1 }, () => 3)).toMatchObject({ scopeId: 3 })
})

test('strip leaves what wg setconf takes', () => {
  const stripped = stripConf(parseDocument(FILE))
  expect(stripped).not.toMatch(/Address|DNS|MTU|PostUp/)
  expect(stripped).toContain('# Name = laptop')
  expect(stripped).toContain('FwMark = 0xca6c')
})

test('a peer is added with its name and removed with its comments', () => {
  const document = parseDocument(FILE)
  const publicKey = decodeKey<PublicKey>('AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=')!
  const added = addPeer(document, { name: 'phone\nPostUp = evil', publicKey, allowedIps: [] })
  expect(parseConf(printDocument(added), 'f').peers.at(-1)!.name).toBe('phone PostUp = evil')
  expect(printDocument(removePeer(added, publicKey))).toBe(`${FILE}\n`)
  const without = printDocument(removePeer(document, decodeKey<PublicKey>(ALICE)!))
  expect(without).not.toContain('laptop')
  expect(without).toContain('# The server\n[Peer]')
})

function running(): ModelDevice {
  const conf = parseConf(FILE, 'f')
  return new ModelDevice().apply(setUpdate(conf, () => ({ address: Uint8Array.of(192, 0, 2, 9), port: 51820 })))
}

const resolved = new Map([
  ['vpn.example.com:51820', ['192.0.2.9:51820']],
  ['[fe80::1%eth0]:1', ['192.0.2.9:51820']],
])

function save(device: ModelDevice, text: string = FILE): string {
  const { addresses } = parseConf(FILE, 'f').quick
  const state = { snapshot: device.snapshot(), secrets: device.secrets(), addresses, mtu: 1380, dnsServers: null }
  return saveConf(parseDocument(text), state, resolved)
}

test('saving an interface that is what its file says changes no byte of the file', () => {
  expect(save(running())).toBe(FILE)
})

test('saving changes the lines whose value changed, drops peers that are gone and appends new ones', () => {
  const device = running()
  device.peers.delete(ALICE)
  device.listenPort = 4500
  const carol = new Uint8Array(32).fill(3) as PublicKey
  device.apply({ peers: [{ publicKey: carol, allowedIps: [{ address: Uint8Array.of(10, 0, 0, 9), length: 32 }] }] })
  const saved = save(device)
  expect(saved).toContain('FwMark = 0xca6c\nListenPort = 4500\n')
  expect(saved).not.toContain('laptop')
  expect(saved).toContain('  # friendly_name = server')
  expect(saved).toContain(`\n[Peer]\nPublicKey = ${formatKey(carol)}\nAllowedIPs = 10.0.0.9/32\n`)
  expect(saved).toContain('PostUp = echo %i # is up')
  expect(save(device, saved)).toBe(saved)
})

test('an endpoint that moved is saved, one that only was resolved keeps its name', () => {
  const device = running()
  device.peers.get(ALICE)!.endpoint = { address: Uint8Array.of(198, 51, 100, 1), port: 9 }
  expect(save(device)).toBe(FILE.replace('vpn.example.com:51820', '198.51.100.1:9'))
})

test('showconf is a file that means the device', () => {
  const device = running()
  const conf = parseConf(showConf(device.snapshot(), device.secrets()), 'f')
  const again = new ModelDevice().apply(setUpdate(conf, (endpoint) => literalEndpoint(endpoint) ?? undefined))
  expect(again.meaning()).toEqual(device.meaning())
})
