import type { DeviceSnapshot } from '@wireweave/tunnel/config'
import { parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { expect, test } from 'vitest'
import { styleOf } from '../../src/internal/terminal.js'
import { statusOf } from '../../src/internal/tunnels/status-command.js'
import { shapes } from '../support/documented-json.js'
import { describeStatus } from '../../src/internal/tunnels/status-view.js'

const NOW = 1_700_000_000_000
const key = (byte: number): PublicKey => new Uint8Array(32).fill(byte) as PublicKey
const style = styleOf(1, { WG_COLOR_MODE: 'never' })

function snapshot(...agesS: (number | null)[]): DeviceSnapshot {
  return {
    publicKey: key(1),
    listenPort: 51820,
    fwmark: 0xca6c,
    peers: agesS.map((age, i) => ({
      publicKey: key(i + 2),
      hasPresharedKey: false,
      endpoint: age === null ? null : parseEndpoint('192.0.2.1:51820'),
      persistentKeepaliveInterval: 0,
      allowedIps: [parsePrefix(`10.0.0.${i % 256}/32`)!],
      lastHandshakeTimeNs: age === null ? null : BigInt(NOW - age * 1000) * 1_000_000n,
      rxBytes: 1536n,
      txBytes: 7n,
    })),
  }
}

const host = {
  ...{ kind: 'tun', isUp: true, mtu: 1420, addresses: ['10.0.0.1/24'], rules: ['ip -4 not fwmark 51820 table 51820'] },
  routes: [
    { prefix: '10.0.0.0/24', table: 254 },
    { prefix: '0.0.0.0/0', table: 51820 },
  ],
  dns: { servers: ['10.0.0.53'], search: ['example.org'] },
  hasFirewall: true,
}
const rest = { interface: 'wg0', adapter: 'linux-tun', pid: 42, configuration: null, host }

test('a peer is up for as long as its keys are good, then idle; one without a handshake was never seen', () => {
  const { peers } = statusOf(snapshot(1, 179, 181, null), new Map(), NOW)
  expect(peers.map(({ state }) => state)).toEqual(['up', 'up', 'idle', 'never'])
  expect(peers.map(({ latestHandshake }) => latestHandshake)).toEqual([
    1_699_999_999,
    1_699_999_821,
    1_699_999_819,
    null,
  ])
})

test('as JSON it is what docs/json.md shows', () => {
  const status = { ...rest, ...statusOf(snapshot(5), new Map(), NOW), configuration: '/etc/wireguard/wg0.conf' }
  const [actual, documented] = shapes('status', JSON.parse(JSON.stringify([status])))
  expect(actual).toEqual(documented)
})

test('all of it as text: newest handshake first, names before keys', () => {
  const names = new Map([[formatKey(key(4)), 'office']])
  const text = describeStatus({ ...rest, ...statusOf(snapshot(null, 3700, 5), names, NOW) }, NOW, 80, style)
  expect(text).toBe(`wg0  up
  adapter:    linux-tun
  process:    42
  public key: AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=
  port:       51820
  fwmark:     0xca6c
  mtu:        1420
  addresses:  10.0.0.1/24
  routes:     10.0.0.0/24, 0.0.0.0/0 (table 51820)
  rules:      ip -4 not fwmark 51820 table 51820
  dns:        10.0.0.53, example.org
  firewall:   rules of its own
  peers:      1 up, 1 idle, 1 never seen

  PEER       STATE  HANDSHAKE  RECEIVED  SENT  ENDPOINT
  office     up     5 s ago    1.50 KiB  7 B   192.0.2.1:51820
  AwMD…DAwM  idle   1 h ago    1.50 KiB  7 B   192.0.2.1:51820
  AgIC…CAgI  never  -          1.50 KiB  7 B   -
`)
})

test('an interface whose socket is here while it is not says so', () => {
  const text = describeStatus({ ...rest, host: null, ...statusOf(snapshot(), new Map(), NOW) }, NOW, 80, style)
  expect(text).toMatch(/^wg0 {2}not in this network namespace\n {2}adapter: /)
  expect(text).not.toContain('mtu:')
})

test('of many peers the first are listed and the others counted', () => {
  const text = describeStatus({ ...rest, ...statusOf(snapshot(...Array(250).fill(9)), new Map(), NOW) }, NOW, 80, style)
  expect(text).toContain('250 up\n')
  expect(text).toContain('… and 200 more: see --json\n')
  expect(text.split('\n').length).toBeLessThan(80)
})
