import { parseEndpoint } from '@wireweave/tunnel/ip'
import { expect, test } from 'vitest'
import { BATCH, Host, packet4, packet6, Pair, withJitter } from './harness.js'

function connected(): Pair {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.connect()
  pair.pong()
  pair.exchange()
  for (const host of [pair.alice, pair.bob]) {
    host.delivered.length = 0
    host.events.length = 0
  }
  return pair
}

/** What Alice sends for `packet`, also where its addresses would not let her. */
function sealed(pair: Pair, packet: Uint8Array): Uint8Array {
  pair.alice.send([packet], pair.now)
  return pair.alice.takeSent()[0]!.bytes
}

test('a datagram is accepted once', () => {
  const pair = connected()
  const bytes = sealed(pair, packet4('10.0.0.1', '10.0.0.2', 60))
  pair.bob.receive(bytes, pair.alice.endpoint, 0)
  pair.bob.receive(bytes, pair.alice.endpoint, 0)
  expect(pair.bob.delivered).toHaveLength(1)
  expect(pair.bob.device.stats.drops.replayed).toBe(1)
})

test('datagrams may overtake each other', () => {
  const pair = connected()
  const all = Array.from({ length: 100 }, () => sealed(pair, packet4('10.0.0.1', '10.0.0.2', 60)))
  for (const bytes of all.toReversed()) pair.bob.receive(bytes, pair.alice.endpoint, 0)
  expect(pair.bob.delivered).toHaveLength(100)
})

test('a datagram with any byte changed is dropped, and changes nothing', () => {
  const pair = connected()
  const bytes = sealed(pair, packet4('10.0.0.1', '10.0.0.2', 60))
  const before = pair.bob.device.snapshot()
  const deadline = pair.bob.device.nextDeadline()
  for (let at = 0; at < bytes.length; at++) {
    const forged = bytes.slice()
    forged[at]! ^= 0x80
    pair.bob.receive(forged, parseEndpoint('203.0.113.9:9')!, 100)
  }
  expect(pair.bob.device.snapshot()).toEqual(before)
  expect(pair.bob.device.nextDeadline()).toEqual(deadline)
  expect(pair.bob.events).toEqual([])
  const { malformedDatagram, unknownIndex, badTag } = pair.bob.device.stats.drops
  expect([malformedDatagram, unknownIndex, badTag]).toEqual([4, 4, bytes.length - 8])
  pair.bob.receive(bytes, pair.alice.endpoint, 100)
  expect(pair.bob.delivered).toHaveLength(1)
})

test('an inner source that belongs to another peer, or to nobody, is dropped', () => {
  const pair = connected()
  const carol = new Host('192.0.2.3:3000')
  pair.bob.addPeer(carol, 0, { ips: ['10.0.1.0/24'] })
  for (const source of ['10.0.1.7', '10.0.0.3', '10.0.0.2', '0.0.0.0']) {
    pair.bob.receive(sealed(pair, packet4(source, '10.0.0.2', 60)), pair.alice.endpoint, 0)
  }
  expect(pair.bob.delivered).toEqual([])
  expect(pair.bob.device.stats.drops.sourceNotAllowed).toBe(4)
})

test('a more specific prefix of another peer takes an address out of this one', () => {
  const pair = connected()
  const carol = new Host('192.0.2.3:3000')
  pair.bob.apply(
    { peers: [{ publicKey: pair.alice.publicKey, allowedIps: [{ address: Uint8Array.of(10, 0, 0, 0), length: 8 }] }] },
    0,
  )
  pair.bob.receive(sealed(pair, packet4('10.5.5.5', '10.0.0.2', 60)), pair.alice.endpoint, 0)
  expect(pair.bob.delivered).toHaveLength(1)
  pair.bob.addPeer(carol, 0, { ips: ['10.5.5.5/32'] })
  pair.bob.receive(sealed(pair, packet4('10.5.5.5', '10.0.0.2', 60)), pair.alice.endpoint, 0)
  expect(pair.bob.delivered).toHaveLength(1)
})

test('an inner packet that lies about its length is dropped; padding is cut off', () => {
  const pair = connected()
  const lies: Uint8Array[] = []
  for (const claimed of [0, 19, 65, 1420, 65535]) {
    const packet = packet4('10.0.0.1', '10.0.0.2', 60)
    packet[2] = claimed >>> 8
    packet[3] = claimed & 0xff
    lies.push(packet)
  }
  for (const claimed of [25, 1420, 65496, 65535]) {
    const packet = packet6('fd00::1', 'fd00::2', 60)
    packet[4] = claimed >>> 8
    packet[5] = claimed & 0xff
    lies.push(packet)
  }
  for (const packet of lies) pair.bob.receive(sealed(pair, packet), pair.alice.endpoint, 0)
  expect(pair.bob.delivered).toEqual([])
  expect(pair.bob.device.stats.drops.malformedInnerPacket).toBe(lies.length)
  const short = packet4('10.0.0.1', '10.0.0.2', 60)
  short[3] = 21
  pair.bob.receive(sealed(pair, short), pair.alice.endpoint, 0)
  expect(pair.bob.delivered).toEqual([short.subarray(0, 21)])
})

test('an authentic datagram moves the endpoint, remembers the local address, and says so once', () => {
  const pair = connected()
  const elsewhere = parseEndpoint('203.0.113.9:9')!
  pair.bob.receive(sealed(pair, packet4('10.0.0.1', '10.0.0.2', 60)), elsewhere, 0, { local: '198.51.100.1' })
  pair.bob.receive(sealed(pair, packet4('10.0.0.1', '10.0.0.2', 60)), elsewhere, 0, { local: '198.51.100.2' })
  expect(pair.bob.events).toEqual([
    { tag: 'roamed', peer: pair.alice.publicKey, from: pair.alice.endpoint, to: elsewhere },
  ])
  pair.pong()
  const [sent] = pair.bob.takeSent()
  expect(sent!.to).toEqual(elsewhere)
  expect([...sent!.record.subarray(24, 28)]).toEqual([198, 51, 100, 2])
})

test('in one batch the last source of a peer counts, whatever came between', () => {
  const pair = connected()
  const [a, b] = [parseEndpoint('203.0.113.1:1')!, parseEndpoint('203.0.113.2:2')!]
  const packets = Array.from({ length: 4 }, () => sealed(pair, packet4('10.0.0.1', '10.0.0.2', 60)))
  const from = [a, b, a, b]
  pair.bob.receiveOnly(
    packets.map((bytes, i) => ({ bytes, from: from[i]! })),
    0,
  )
  expect(pair.bob.device.snapshot().peers[0]!.endpoint).toEqual(b)
  expect(pair.bob.tags().filter((tag) => tag === 'roamed')).toHaveLength(4)
})

test('the sticky local address is forgotten with the port, the mark and the network', () => {
  const pair = connected()
  const learn = (): void =>
    pair.bob.receive(sealed(pair, packet4('10.0.0.1', '10.0.0.2', 60)), pair.alice.endpoint, 0, {
      local: '198.51.100.1',
    })
  const local = (): number[] => {
    pair.pong()
    return [...pair.bob.takeSent()[0]!.record.subarray(24, 28)]
  }
  for (const forget of [
    () => pair.bob.device.setBoundPort(77),
    () => pair.bob.device.apply({ fwmark: pair.bob.device.fwmark === null ? 5 : null }, 0),
    () => pair.bob.device.networkChanged(0),
    () => pair.bob.device.apply({ peers: [{ publicKey: pair.alice.publicKey, endpoint: pair.alice.endpoint }] }, 0),
  ]) {
    learn()
    expect(local()).toEqual([198, 51, 100, 1])
    forget()
    expect(local()).toEqual([0, 0, 0, 0])
  }
})

test('whole UDP payloads are counted, handshakes and keepalives included', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  for (let i = 0; i < 10; i++) {
    pair.ping(84)
    pair.exchange()
    pair.pong(84)
    pair.exchange()
  }
  const [alice, bob] = [pair.alice, pair.bob].map((host) => host.device.snapshot().peers[0]!)
  // As the kernel counts ten pings and a handshake: 148 + 10 * 128 and 92 + 10 * 128.
  expect([alice!.txBytes, alice!.rxBytes]).toEqual([1428n, 1372n])
  expect([bob!.txBytes, bob!.rxBytes]).toEqual([1372n, 1428n])
})

test('a full batch is delivered, and what exceeds it is counted', () => {
  const pair = connected()
  const datagrams = Array.from({ length: BATCH }, () => ({
    bytes: sealed(pair, packet4('10.0.0.1', '10.0.0.2', 60)),
    from: pair.alice.endpoint,
  }))
  pair.bob.drain = () => {}
  pair.bob.receiveOnly(datagrams, 0)
  expect(pair.bob.device.inbound.count).toBe(BATCH)
  pair.bob.receiveOnly([{ bytes: sealed(pair, packet4('10.0.0.1', '10.0.0.2', 60)), from: pair.alice.endpoint }], 0)
  expect(pair.bob.device.stats.drops.inboundFull).toBe(1)
})

test('a responder sends nothing with a key that the initiator has not confirmed', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.drop = (_from, type) => type === 4
  pair.connect()
  pair.drop = () => false
  pair.pong()
  expect(pair.bob.takeSent()).toEqual([])
  pair.ping()
  pair.exchange()
  expect(pair.alice.delivered).toHaveLength(1)
})

test('packets under the previous key are received after a rekey', () => {
  const pair = connected()
  const late = sealed(pair, packet4('10.0.0.1', '10.0.0.2', 60))
  pair.now = 120_000
  pair.ping()
  pair.exchange()
  pair.ping()
  pair.exchange()
  const { length } = pair.bob.delivered
  expect(pair.count(2)).toBe(2)
  pair.bob.receive(late, pair.alice.endpoint, 120_001)
  expect(pair.bob.delivered).toHaveLength(length + 1)
})

test('a response that was sent, but not confirmed, costs the previous key, not the current one', () => {
  const pair = connected()
  const late = sealed(pair, packet4('10.0.0.1', '10.0.0.2', 60))
  pair.drop = (from, type) => from === pair.bob && type === 2
  pair.now = 120_000
  pair.ping()
  pair.exchange()
  // Bob has an unconfirmed key now; the one in use still works in both directions.
  pair.bob.receive(late, pair.alice.endpoint, 120_001)
  expect(pair.bob.delivered).toHaveLength(2)
  pair.pong()
  pair.exchange()
  expect(pair.alice.delivered).toHaveLength(1)
})

test('events tell the course of a session in order', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.alice.events.length = 0
  pair.bob.events.length = 0
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 60 }] }, 0)
  pair.exchange()
  expect(pair.alice.tags()).toEqual([
    'peerUpdated',
    'handshakeInitiationSent',
    'handshakeResponseReceived',
    'sessionEstablished',
    'keepaliveSent',
  ])
  expect(pair.bob.tags()).toEqual([
    'handshakeInitiationReceived',
    'handshakeResponseSent',
    'sessionEstablished',
    'keepaliveReceived',
  ])
})
