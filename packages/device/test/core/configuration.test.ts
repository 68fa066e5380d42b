import { nodeSuite } from '@wireweave/crypto/node'
import type { DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { formatPrefix, parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { expect, test } from 'vitest'
import { DATA, Host, INITIATION, packet4, Pair, RESPONSE, withJitter } from './harness.js'

const ENDPOINT = parseEndpoint('192.0.2.9:9')!

function key(n: number): PublicKey {
  return new Uint8Array(32).fill(n) as PublicKey
}

function host(): Host {
  return new Host('192.0.2.1:1000')
}

function allowedIps(of: Host, publicKey: PublicKey): string[] {
  const peer = of.device.snapshot().peers.find((candidate) => candidate.publicKey.join() === publicKey.join())
  return peer!.allowedIps.map(formatPrefix)
}

function ips(...texts: string[]): NonNullable<PeerUpdate['allowedIps']> {
  return texts.map((text) => ({ ...parsePrefix(text.replace(/^-/, ''))!, remove: text.startsWith('-') }))
}

test('a fresh device has no key, no port, no mark and no peers', () => {
  const { device } = host()
  device.apply({ privateKey: null }, 0)
  expect(device.snapshot()).toEqual({ publicKey: null, listenPort: 0, fwmark: null, peers: [] })
  expect(device.secrets()).toEqual({ privateKey: null, presharedKeys: [] })
})

test('what is applied is what a snapshot shows, in the order in which peers were added', () => {
  const a = host()
  a.apply(
    {
      listenPort: 51820,
      fwmark: 0xca6c,
      peers: [
        {
          publicKey: key(2),
          presharedKey: new Uint8Array(32).fill(9) as PresharedKey,
          endpoint: { ...ENDPOINT, port: 0xfffe },
          persistentKeepaliveInterval: 65535,
          allowedIps: ips('10.1.2.3/16', 'fd00::1/64'),
        },
        { publicKey: key(1), endpoint: parseEndpoint('[fe80::1%7]:1')! },
      ],
    },
    0,
  )
  expect(a.device.snapshot()).toEqual({
    publicKey: a.publicKey,
    listenPort: 51820,
    fwmark: 0xca6c,
    peers: [
      {
        publicKey: key(2),
        hasPresharedKey: true,
        endpoint: { ...ENDPOINT, port: 0xfffe },
        persistentKeepaliveInterval: 65535,
        allowedIps: [parsePrefix('10.1.0.0/16'), parsePrefix('fd00::/64')],
        lastHandshakeTimeNs: null,
        rxBytes: 0n,
        txBytes: 0n,
      },
      {
        publicKey: key(1),
        hasPresharedKey: false,
        endpoint: parseEndpoint('[fe80::1%7]:1'),
        persistentKeepaliveInterval: 0,
        allowedIps: [],
        lastHandshakeTimeNs: null,
        rxBytes: 0n,
        txBytes: 0n,
      },
    ],
  })
  expect(a.device.listenPort).toBe(51820)
})

test('absent leaves a value as it is', () => {
  const a = host()
  const presharedKey = new Uint8Array(32).fill(9) as PresharedKey
  a.apply(
    {
      listenPort: 1,
      fwmark: 2,
      peers: [
        {
          publicKey: key(1),
          presharedKey,
          endpoint: ENDPOINT,
          persistentKeepaliveInterval: 3,
          allowedIps: ips('10.0.0.0/8'),
        },
      ],
    },
    0,
  )
  const before = a.device.snapshot()
  a.apply({}, 0)
  a.apply({ peers: [{ publicKey: key(1) }] }, 0)
  expect(a.device.snapshot()).toEqual(before)
  expect(a.device.secrets().presharedKeys).toEqual([presharedKey])
})

test('null and zeros clear', () => {
  const a = host()
  a.apply({ fwmark: 5, peers: [{ publicKey: key(1), presharedKey: new Uint8Array(32).fill(9) as PresharedKey }] }, 0)
  a.apply(
    {
      fwmark: 0,
      privateKey: new Uint8Array(32) as PrivateKey,
      peers: [{ publicKey: key(1), presharedKey: new Uint8Array(32) as PresharedKey }],
    },
    0,
  )
  const { publicKey, fwmark, peers } = a.device.snapshot()
  expect([publicKey, fwmark, peers[0]!.hasPresharedKey]).toEqual([null, null, false])
})

test('secrets are copies of what was given, the private key clamped', () => {
  const a = host()
  const given = new Uint8Array(32).fill(0xff) as PrivateKey
  a.apply({ privateKey: given }, 0)
  const { privateKey } = a.device.secrets()
  expect([privateKey![0], privateKey![31]]).toEqual([0xf8, 0x7f])
  expect(given[0]).toBe(0xff)
  privateKey!.fill(0)
  expect(a.device.secrets().privateKey![1]).toBe(0xff)
})

test("what a snapshot returns is the caller's to change", () => {
  const a = host()
  a.apply({ peers: [{ publicKey: key(1), endpoint: ENDPOINT, allowedIps: ips('10.0.0.0/8') }] }, 0)
  const before = a.device.snapshot()
  const shown = a.device.snapshot()
  shown.publicKey!.fill(0)
  shown.peers[0]!.publicKey.fill(0)
  shown.peers[0]!.endpoint!.address.fill(0)
  shown.peers[0]!.allowedIps[0]!.address.fill(9)
  expect(a.device.snapshot()).toEqual(before)
})

test('what was given can be changed afterwards', () => {
  const a = host()
  const publicKey = key(1)
  const prefix = { address: Uint8Array.of(10, 0, 0, 0), length: 8 }
  a.apply(
    { peers: [{ publicKey, endpoint: { address: Uint8Array.of(1, 2, 3, 4), port: 5 }, allowedIps: [prefix] }] },
    0,
  )
  const before = a.device.snapshot()
  publicKey.fill(7)
  prefix.address.fill(7)
  expect(a.device.snapshot()).toEqual(before)
})

test('the own public key is passed over as a peer, and removed when it becomes the own key', () => {
  const a = host()
  a.apply({ peers: [{ publicKey: a.publicKey, allowedIps: ips('10.0.0.0/8') }, { publicKey: key(1) }] }, 0)
  expect(a.device.snapshot().peers.map(({ publicKey }) => publicKey)).toEqual([key(1)])
  const next = new Uint8Array(32).fill(5) as PrivateKey
  const nextPublic = nodeSuite.x25519.importPrivateKey(next).publicKey as PublicKey
  a.apply({ peers: [{ publicKey: nextPublic }] }, 0)
  a.apply({ privateKey: next, peers: [{ publicKey: nextPublic }] }, 0)
  expect(a.device.snapshot().peers.map(({ publicKey }) => publicKey)).toEqual([key(1)])
  // Under the new key the old one is a key like any other.
  a.apply({ peers: [{ publicKey: a.publicKey }] }, 0)
  expect(a.device.snapshot().peers).toHaveLength(2)
})

test('update only does not create, remove does not mind what is not there', () => {
  const a = host()
  a.apply(
    {
      peers: [
        { publicKey: key(1), updateOnly: true },
        { publicKey: key(2), remove: true },
      ],
    },
    0,
  )
  expect(a.device.snapshot().peers).toEqual([])
  a.apply(
    { peers: [{ publicKey: key(1) }, { publicKey: key(1), updateOnly: true, persistentKeepaliveInterval: 7 }] },
    0,
  )
  expect(a.device.snapshot().peers[0]!.persistentKeepaliveInterval).toBe(7)
})

test('updates of one peer are applied in order, removal included', () => {
  const a = host()
  a.apply(
    {
      peers: [
        { publicKey: key(1), allowedIps: ips('10.0.0.0/8') },
        { publicKey: key(1), remove: true },
        { publicKey: key(1), allowedIps: ips('10.1.0.0/16') },
      ],
    },
    0,
  )
  expect(allowedIps(a, key(1))).toEqual(['10.1.0.0/16'])
})

test('replacing peers leaves only those of the update', () => {
  const a = host()
  a.apply({ peers: [{ publicKey: key(1), allowedIps: ips('10.0.0.0/8') }, { publicKey: key(2) }] }, 0)
  a.apply({ replacePeers: true, peers: [{ publicKey: key(1) }, { publicKey: key(3) }] }, 0)
  expect(a.device.snapshot().peers.map(({ publicKey }) => publicKey)).toEqual([key(1), key(3)])
  expect(allowedIps(a, key(1))).toEqual([])
})

test('an allowed IP moves to the peer that gets it last', () => {
  const a = host()
  a.apply(
    {
      peers: [
        { publicKey: key(1), allowedIps: ips('10.0.0.0/8', 'fd00::/8') },
        { publicKey: key(2), allowedIps: ips('10.0.0.0/8') },
      ],
    },
    0,
  )
  expect([allowedIps(a, key(1)), allowedIps(a, key(2))]).toEqual([['fd00::/8'], ['10.0.0.0/8']])
})

test('allowed IPs are removed one by one, only from their owner, or replaced', () => {
  const a = host()
  a.apply(
    {
      peers: [{ publicKey: key(1), allowedIps: ips('10.0.0.0/8', '11.0.0.0/8', '12.0.0.0/8') }, { publicKey: key(2) }],
    },
    0,
  )
  a.apply(
    {
      peers: [
        { publicKey: key(1), allowedIps: ips('-11.0.0.0/8', '-13.0.0.0/8') },
        { publicKey: key(2), allowedIps: ips('-10.0.0.0/8') },
      ],
    },
    0,
  )
  expect(allowedIps(a, key(1))).toEqual(['10.0.0.0/8', '12.0.0.0/8'])
  a.apply({ peers: [{ publicKey: key(1), replaceAllowedIps: true, allowedIps: ips('14.0.0.0/8') }] }, 0)
  expect(allowedIps(a, key(1))).toEqual(['14.0.0.0/8'])
})

const BAD: [string, DeviceUpdate][] = [
  ['private key', { privateKey: new Uint8Array(31) as PrivateKey }],
  ['listen port', { listenPort: 65536 }],
  ['listen port', { listenPort: -1 }],
  ['listen port', { listenPort: 1.5 }],
  ['fwmark', { fwmark: 2 ** 32 }],
  ['public key', { peers: [{ publicKey: new Uint8Array(33) as PublicKey }] }],
  ['preshared key', { peers: [{ publicKey: key(1), presharedKey: new Uint8Array(16) as PresharedKey }] }],
  ['endpoint', { peers: [{ publicKey: key(1), endpoint: { address: new Uint8Array(5), port: 1 } }] }],
  ['port from 1 to 65535', { peers: [{ publicKey: key(1), endpoint: { address: new Uint8Array(4), port: 0 } }] }],
  ['port from 1 to 65535', { peers: [{ publicKey: key(1), endpoint: { address: new Uint8Array(4), port: 70000 } }] }],
  ['scope', { peers: [{ publicKey: key(1), endpoint: { address: new Uint8Array(16), port: 1, scopeId: -1 } }] }],
  ['keepalive', { peers: [{ publicKey: key(1), persistentKeepaliveInterval: 65536 }] }],
  ['allowed IP', { peers: [{ publicKey: key(1), allowedIps: [{ address: new Uint8Array(0), length: 0 }] }] }],
  ['prefix length', { peers: [{ publicKey: key(1), allowedIps: [{ address: new Uint8Array(4), length: 33 }] }] }],
  ['prefix length', { peers: [{ publicKey: key(1), allowedIps: [{ address: new Uint8Array(16), length: 129 }] }] }],
]

test('an update with anything wrong in it has no effect at all, and the error says what is wrong', () => {
  const a = host()
  a.apply({ listenPort: 7, peers: [{ publicKey: key(9), allowedIps: ips('10.0.0.0/8') }] }, 0)
  const before = a.device.snapshot()
  const secrets = a.device.secrets()
  a.events.length = 0
  for (const [what, bad] of BAD) {
    const update: DeviceUpdate = {
      privateKey: new Uint8Array(32).fill(3) as PrivateKey,
      listenPort: 8,
      fwmark: 9,
      replacePeers: true,
      ...bad,
      peers: [{ publicKey: key(4), allowedIps: ips('10.0.0.0/8') }, ...(bad.peers ?? [])],
    }
    expect(() => a.apply(update, 0), what).toThrow(new RegExp(what))
    expect(() => a.apply(update, 0)).toThrow(WireGuardError)
  }
  expect(a.device.snapshot()).toEqual(before)
  expect(a.device.secrets()).toEqual(secrets)
  expect(a.events).toEqual([])
})

test('no error shows a key', () => {
  const a = host()
  const secret = new Uint8Array(31).fill(0xab)
  for (const update of [
    { privateKey: secret as PrivateKey },
    { peers: [{ publicKey: key(1), presharedKey: secret as PresharedKey }] },
  ]) {
    let message = ''
    try {
      a.apply(update, 0)
    } catch (error) {
      message = String((error as Error).stack) + JSON.stringify(error)
    }
    expect(message).not.toBe('')
    expect(message).not.toMatch(/171|abab|q6ur/i)
  }
})

test('a new private key ends sending under the old one, and a handshake may start at once', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.connect()
  const next = new Uint8Array(32).fill(5) as PrivateKey
  const nextPublic = nodeSuite.x25519.importPrivateKey(next).publicKey as PublicKey
  pair.now = 100
  pair.pong()
  const [late] = pair.bob.takeSent()
  pair.alice.apply({ privateKey: next }, 100)
  // What Bob sent under the old session still arrives.
  pair.alice.receive(late!.bytes, pair.bob.endpoint, 100)
  expect(pair.alice.delivered).toHaveLength(1)
  pair.bob.apply(
    {
      peers: [
        { publicKey: pair.alice.publicKey, remove: true },
        { publicKey: nextPublic, allowedIps: ips('10.0.0.1/32') },
      ],
    },
    100,
  )
  const packet = pair.ping()
  pair.exchange()
  expect(pair.wire.slice(-3).map(({ type }) => type)).toEqual([INITIATION, RESPONSE, DATA])
  expect(pair.bob.delivered.at(-1)).toEqual(packet)
})

test('a new private key ends the handshake in progress', () => {
  const pair = new Pair()
  pair.ping()
  expect(pair.alice.device.load.indices).toBe(1)
  pair.alice.apply({ privateKey: new Uint8Array(32).fill(5) as PrivateKey }, 0)
  expect(pair.alice.device.load.indices).toBe(0)
})

test('the same private key again disturbs nothing', () => {
  const pair = new Pair()
  pair.connect()
  pair.alice.apply({ privateKey: pair.alice.privateKey }, 0)
  pair.ping()
  expect(pair.alice.takeSent().map(({ bytes }) => bytes[0])).toEqual([DATA])
})

test('without a private key nothing is sent, and handshakes of others are dropped', () => {
  const pair = new Pair()
  pair.alice.apply({ privateKey: null }, 0)
  pair.ping()
  expect(pair.alice.takeSent()).toEqual([])
  pair.pong()
  pair.exchange()
  expect(pair.alice.device.stats.drops.badMac1).toBe(1)
  expect(pair.count(RESPONSE)).toBe(0)
})

test('a new preshared key leaves the session alone and holds for the next handshake', () => {
  const presharedKey = new Uint8Array(32).fill(7) as PresharedKey
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.connect()
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, presharedKey }] }, 0)
  pair.ping()
  pair.exchange()
  pair.pong()
  pair.exchange()
  expect([pair.bob.delivered.length, pair.alice.delivered.length]).toEqual([2, 1])
  pair.now = 120_000
  pair.ping()
  pair.exchange()
  expect(pair.alice.device.stats.drops.badHandshake).toBe(1)
  pair.bob.apply({ peers: [{ publicKey: pair.alice.publicKey, presharedKey }] }, pair.now)
  pair.advanceTo(125_000)
  expect(pair.alice.tags().filter((tag) => tag === 'sessionEstablished')).toHaveLength(2)
})

test('a peer that is removed is not routed to, not heard, not waited for, and comes back empty', () => {
  const pair = new Pair(withJitter(0))
  pair.connect()
  const packet = packet4('10.0.0.2', '10.0.0.1', 60)
  pair.bob.send([packet], 0)
  const [data] = pair.bob.takeSent()
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, remove: true }] }, 0)
  expect(pair.alice.device.nextDeadline()).toBe(null)
  pair.alice.receive(data!.bytes, pair.bob.endpoint, 0)
  expect(pair.alice.device.stats.drops.unknownIndex).toBe(1)
  pair.ping()
  expect(pair.alice.device.stats.drops.noRoute).toBe(1)
  pair.alice.addPeer(pair.bob, 0)
  const [peer] = pair.alice.device.snapshot().peers
  expect([peer!.allowedIps, peer!.rxBytes, peer!.lastHandshakeTimeNs]).toEqual([[], 0n, null])
  expect(pair.alice.tags().filter((tag) => tag.startsWith('peer'))).toEqual(['peerAdded', 'peerRemoved', 'peerAdded'])
})

test('a slot that is used again inherits nothing', () => {
  const pair = new Pair(withJitter(0))
  pair.alice.send([packet4('10.0.0.1', '10.0.0.2', 60)], 0)
  pair.alice.takeSent()
  pair.alice.apply(
    {
      peers: [
        { publicKey: pair.bob.publicKey, remove: true },
        { publicKey: key(3), endpoint: ENDPOINT },
      ],
    },
    0,
  )
  expect(pair.alice.device.nextDeadline()).toBe(null)
  expect(pair.alice.device.load).toEqual({ indices: 0, waitingPeers: 0, stagedBytes: 0, queuedHandshakes: 0 })
  pair.advanceTo(100_000)
  expect(pair.alice.takeSent()).toEqual([])
})

test('a peer in the slot of another has no endpoint until it is given one', () => {
  const pair = new Pair()
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, remove: true }, { publicKey: key(3) }] }, 0)
  expect(pair.alice.device.snapshot().peers.map(({ endpoint }) => endpoint)).toEqual([null])
})

test('down forgets keys and what waits, and keeps the configuration', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.connect()
  pair.pong()
  const [data] = pair.bob.takeSent()
  const before = pair.alice.device.snapshot()
  pair.alice.device.down(1)
  expect(pair.alice.device.nextDeadline()).toBe(null)
  expect(pair.alice.device.snapshot()).toEqual(before)
  pair.alice.up(2)
  pair.alice.receive(data!.bytes, pair.bob.endpoint, 2)
  expect(pair.alice.device.stats.drops.unknownIndex).toBe(1)
  // A handshake may follow at once.
  pair.ping()
  expect(pair.alice.takeSent().map(({ bytes }) => bytes[0])).toEqual([INITIATION])
})

test('down leaves nothing that waits', () => {
  const pair = new Pair()
  pair.ping()
  const [message] = pair.alice.takeSent()
  pair.bob.receiveOnly([{ bytes: message!.bytes, from: pair.alice.endpoint }], 0)
  const nothing = { indices: 0, waitingPeers: 0, stagedBytes: 0, queuedHandshakes: 0 }
  for (const { device } of [pair.alice, pair.bob]) {
    expect(device.load).not.toEqual(nothing)
    device.down(0)
    expect(device.load).toEqual(nothing)
  }
})

test('the bound port is shown while the device is up, the configured one otherwise', () => {
  const a = host()
  a.apply({ listenPort: 0 }, 0)
  a.up(0)
  a.device.setBoundPort(40_000)
  expect(a.device.snapshot().listenPort).toBe(40_000)
  a.device.down(0)
  expect(a.device.snapshot().listenPort).toBe(0)
})

test('the time of the last handshake is wall clock, when the session was confirmed', () => {
  const pair = new Pair()
  pair.alice.wallClockMs = 1_700_000_000_123.456
  pair.connect()
  expect(pair.alice.device.snapshot().peers[0]!.lastHandshakeTimeNs).toBe(1_700_000_000_123_456_000n)
})

test('a changed network lets a handshake start at once', () => {
  const pair = new Pair(withJitter(0))
  pair.ping()
  pair.alice.takeSent()
  pair.ping()
  expect(pair.alice.takeSent()).toEqual([])
  pair.alice.device.networkChanged(10)
  pair.ping()
  expect(pair.alice.takeSent()).toHaveLength(1)
})

test('handshake secrets are told when asked for, and the ephemeral is wiped afterwards', () => {
  const told: { secret: Uint8Array; copy: Uint8Array; remote: Uint8Array }[] = []
  const pair = new Pair({
    onHandshakeSecrets: ({ localEphemeralPrivateKey, remoteStaticPublicKey }) =>
      told.push({
        secret: localEphemeralPrivateKey,
        copy: localEphemeralPrivateKey.slice(),
        remote: remoteStaticPublicKey,
      }),
  })
  pair.ping()
  expect(told).toHaveLength(1)
  const ephemeral = nodeSuite.x25519.importPrivateKey(told[0]!.copy).publicKey
  expect(pair.alice.takeSent()[0]!.bytes.subarray(8, 40)).toEqual(ephemeral)
  expect(told[0]!.remote).toEqual(pair.bob.publicKey)
  expect(told[0]!.secret).toEqual(new Uint8Array(32))
})

test('wiping a device leaves no peer and no key', () => {
  const pair = new Pair()
  pair.connect()
  pair.alice.device.wipe(0)
  expect(pair.alice.device.snapshot()).toEqual({ publicKey: null, listenPort: 0, fwmark: null, peers: [] })
  expect(pair.alice.device.nextDeadline()).toBe(null)
})
