import { TRANSPORT_OVERHEAD_BYTES } from '@wireweave/noise/messages'
import { parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import { expect, test } from 'vitest'
import { BATCH, DATA, Host, INITIATION, packet4, packet6, Pair, withJitter } from './harness.js'

function connected(options = {}): Pair {
  const pair = new Pair({ ...withJitter(0), ...options }, withJitter(0))
  pair.connect()
  pair.pong()
  pair.exchange()
  pair.bob.delivered.length = 0
  pair.alice.delivered.length = 0
  return pair
}

test('a packet without a route is counted and answered with host unreachable', () => {
  const pair = connected()
  const packet = packet4('10.0.0.1', '10.77.0.1', 60)
  pair.alice.send([packet, packet6('fd00::1', 'fd77::1', 60)], 0)
  expect(pair.alice.device.stats.drops.noRoute).toBe(2)
  expect(pair.alice.takeSent()).toEqual([])
  const [error4, error6] = pair.alice.delivered
  expect([error4![20], error4![21], error4!.subarray(28)]).toEqual([3, 1, packet])
  expect([error6![40], error6![41]]).toEqual([1, 3])
  expect(pair.alice.device.stats.icmpErrorsSent).toBe(2)
})

test('a packet to a peer without an endpoint is counted and answered the same way', () => {
  const host = new Host('192.0.2.1:1000')
  const other = new Host('192.0.2.2:2000')
  host.apply({ peers: [{ publicKey: other.publicKey, allowedIps: [parsePrefix('10.0.0.2/32')!] }] }, 0)
  host.up(0)
  host.send([packet4('10.0.0.1', '10.0.0.2', 60)], 0)
  expect(host.device.stats.drops.noEndpoint).toBe(1)
  expect(host.delivered).toHaveLength(1)
  // It was not kept: an endpoint known later does not bring it to light.
  host.apply({ peers: [{ publicKey: other.publicKey, endpoint: other.endpoint }] }, 0)
  expect(host.takeSent()).toEqual([])
})

test('unreachable is said 16 times at once, then 50 times a second', () => {
  const pair = connected()
  const packets = Array.from({ length: 40 }, () => packet4('10.0.0.1', '10.77.0.1', 60))
  pair.alice.send(packets, 1000)
  expect(pair.alice.delivered).toHaveLength(16)
  pair.alice.send(packets, 1100)
  expect(pair.alice.delivered).toHaveLength(21)
})

test('an answer that the interface has not taken yet is not overwritten', () => {
  const pair = connected()
  const { drain } = pair.alice
  pair.alice.drain = () => pair.alice.takeOutbound()
  const packets = Array.from({ length: 16 }, (_, i) => packet4('10.0.0.1', '10.77.0.1', 60 + i))
  for (let at = 1000; at < 5000; at += 1000) pair.alice.send(packets, at)
  drain.call(pair.alice)
  expect(pair.alice.delivered.map((error) => error.subarray(28))).toEqual(packets)
})

test('an answer for which the interface has no room is not given', () => {
  const pair = connected()
  const datagrams = Array.from({ length: BATCH }, () => {
    pair.ping()
    return { bytes: pair.alice.takeSent()[0]!.bytes, from: pair.alice.endpoint }
  })
  pair.bob.drain = () => {}
  pair.bob.receiveOnly(datagrams, 0)
  pair.bob.send([packet4('10.0.0.2', '10.77.0.1', 60)], 0)
  expect(pair.bob.device.inbound.count).toBe(BATCH)
  expect(pair.bob.device.stats).toMatchObject({ icmpErrorsSent: 0, drops: { noRoute: 1 } })
})

test('what is no IP packet is counted and goes nowhere', () => {
  const pair = connected()
  const cut = packet4('10.0.0.1', '10.0.0.2', 60)
  pair.alice.send(
    [cut.subarray(0, 19), new Uint8Array(60), new Uint8Array(0), packet6('fd00::1', 'fd00::2', 60).subarray(0, 39)],
    0,
  )
  expect(pair.alice.device.stats.drops.malformedPacket).toBe(4)
  expect(pair.alice.takeSent()).toEqual([])
  expect(pair.alice.delivered).toEqual([])
})

test('packets are padded with zeros to a multiple of 16, but not beyond the MTU', () => {
  const pair = connected()
  for (const [length, padded] of [
    [20, 32],
    [32, 32],
    [33, 48],
    [1400, 1408],
    [1409, 1420],
    [1420, 1420],
  ] as const) {
    const packet = packet4('10.0.0.1', '10.0.0.2', length)
    pair.alice.send([packet], 0)
    const [sent] = pair.alice.takeSent()
    expect(sent!.bytes).toHaveLength(padded + TRANSPORT_OVERHEAD_BYTES)
    pair.bob.receive(sent!.bytes, pair.alice.endpoint, 0)
    expect(pair.bob.delivered.at(-1)).toEqual(packet)
  }
})

test('a new MTU holds for the next packet', () => {
  const pair = connected()
  pair.alice.device.setMtu(1299)
  pair.alice.send([packet4('10.0.0.1', '10.0.0.2', 1299)], 0)
  expect(pair.alice.takeSent()[0]!.bytes).toHaveLength(1299 + TRANSPORT_OVERHEAD_BYTES)
})

test('the padding of a packet that had to wait is zero too', () => {
  const pair = new Pair()
  const packet = packet4('10.0.0.1', '10.0.0.2', 33)
  pair.alice.send([packet], 0)
  pair.exchange()
  expect(pair.bob.delivered).toEqual([packet])
  expect(pair.wire.at(-1)!.bytes).toHaveLength(48 + TRANSPORT_OVERHEAD_BYTES)
})

test('counters go up by one from zero, and the receiver index is the one the peer chose', () => {
  const pair = new Pair()
  pair.connect()
  for (let i = 0; i < 3; i++) pair.ping()
  pair.exchange()
  const response = pair.wire.find(({ type }) => type === 2)!.bytes
  const data = pair.wire.filter(({ type }) => type === DATA).map(({ bytes }) => bytes)
  expect(data.map((bytes) => new DataView(bytes.buffer).getBigUint64(8, true))).toEqual([0n, 1n, 2n, 3n])
  for (const bytes of data) expect(bytes.subarray(4, 8)).toEqual(response.subarray(4, 8))
})

test('each packet of a mixed batch goes to its own peer, in order, and what cannot be sent holds up nobody', () => {
  const pair = connected()
  const third = new Host('192.0.2.3:3000')
  pair.alice.addPeer(third, 0, { ips: ['10.0.0.3/32'] })
  third.addPeer(pair.alice, 0, { ips: ['10.0.0.1/32'] })
  third.up(0)
  const to = (last: number, length = 60): Uint8Array => packet4('10.0.0.1', `10.0.0.${last}`, length)
  pair.alice.send([to(3)], 0)
  third.receive(pair.alice.takeSent()[0]!.bytes, pair.alice.endpoint, 0)
  pair.alice.receive(third.takeSent()[0]!.bytes, third.endpoint, 0)
  pair.alice.takeSent()
  pair.alice.send([to(3), new Uint8Array(60), to(2), to(77), to(3, 90), packet6('fd00::1', 'fd00::2', 60)], 0)
  const sent = pair.alice.takeSent()
  expect(sent.map((datagram) => datagram.to)).toEqual([third, pair.bob, third, pair.bob].map((host) => host.endpoint))
  for (const { bytes } of [sent[0]!, sent[2]!]) third.receive(bytes, pair.alice.endpoint, 0)
  expect(third.delivered).toEqual([to(3), to(3, 90)])
  const { drops } = pair.alice.device.stats
  expect([drops.malformedPacket, drops.noRoute]).toEqual([1, 1])
})

test('a run of datagrams to one peer lies in one piece under one endpoint record', () => {
  const pair = connected()
  const third = new Host('192.0.2.3:3000')
  pair.alice.addPeer(third, 0, { ips: ['10.0.0.3/32'] })
  third.addPeer(pair.alice, 0)
  third.up(0)
  pair.alice.send([packet4('10.0.0.1', '10.0.0.3', 40)], 0)
  third.receive(pair.alice.takeSent()[0]!.bytes, pair.alice.endpoint, 0)
  pair.alice.receive(third.takeSent()[0]!.bytes, third.endpoint, 0)
  pair.alice.takeSent()
  const { outbound } = pair.alice.device
  const layout: number[][] = []
  const original = pair.alice.takeOutbound.bind(pair.alice)
  pair.alice.takeOutbound = () => {
    for (let i = 0; i < outbound.count; i++)
      layout.push([outbound.offsets[i]!, outbound.lengths[i]!, outbound.endpoints[i]!])
    original()
  }
  const to = (last: number): Uint8Array => packet4('10.0.0.1', `10.0.0.${last}`, 1420)
  pair.alice.send([to(2), to(2), to(2), to(3), to(3), to(2)], 0)
  expect(layout.map(([, , record]) => record)).toEqual([0, 0, 0, 1, 1, 2])
  for (let i = 1; i < layout.length; i++) expect(layout[i]![0]).toBe(layout[i - 1]![0]! + layout[i - 1]![1]!)
})

test('an endpoint that changes in the middle of a batch gets a record of its own', () => {
  const pair = connected()
  const elsewhere = parseEndpoint('203.0.113.1:9')!
  pair.alice.device.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 1 }] }, 0)
  pair.alice.device.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 0 }] }, 0)
  pair.alice.device.apply(
    { peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 1, endpoint: elsewhere }] },
    0,
  )
  pair.alice.drain()
  expect(pair.alice.takeSent().map(({ to }) => to)).toEqual([pair.bob.endpoint, elsewhere])
})

test('a peer that moves while datagrams wait for the socket gets the later ones at the new place', () => {
  const pair = connected()
  const elsewhere = parseEndpoint('203.0.113.1:9')!
  pair.ping()
  const [data] = pair.alice.takeSent()
  const { drain } = pair.bob
  pair.bob.drain = () => {}
  pair.pong()
  pair.bob.receive(data!.bytes, elsewhere, 0)
  pair.pong()
  drain.call(pair.bob)
  expect(pair.bob.takeSent().map(({ to }) => to)).toEqual([pair.alice.endpoint, elsewhere])
})

test('when outbound is full in the middle of a step the shell is asked to send it, and nothing is lost', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  const packets = Array.from({ length: 128 }, (_, i) => packet4('10.0.0.1', '10.0.0.2', 100 + i))
  for (let i = 0; i < 128; i += BATCH) pair.alice.send(packets.slice(i, i + BATCH), 0)
  pair.exchange()
  expect(pair.alice.flushes).toBeGreaterThan(0)
  expect(pair.bob.delivered).toEqual(packets)
})

test('packets of any size go through, up to what a datagram can hold', () => {
  const pair = connected({ mtu: 65475 })
  const packets = [65475, 65000, 40_000, 20].map((length) => packet4('10.0.0.1', '10.0.0.2', length))
  pair.alice.send([...packets, packet4('10.0.0.1', '10.0.0.2', 65476).fill(0, 2, 4)], 0)
  pair.exchange()
  expect(pair.bob.delivered).toEqual(packets)
  expect(pair.alice.device.stats.drops.malformedPacket).toBe(1)
  // More than the outbox holds at once.
  expect(pair.alice.flushes).toBe(1)
})

test('while no key is there the 128 youngest packets wait', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  const packets = Array.from({ length: 150 }, (_, i) => packet4('10.0.0.1', '10.0.0.2', 100 + i))
  for (let i = 0; i < 150; i += 50) pair.alice.send(packets.slice(i, i + 50), 0)
  expect(pair.alice.device.stats.drops.stagedOverflow).toBe(22)
  pair.exchange()
  expect(pair.bob.delivered).toEqual(packets.slice(22))
})

test('the outer header carries the inner ECN, and congestion on the way shows inside', () => {
  const pair = connected()
  pair.alice.send(
    [
      packet4('10.0.0.1', '10.0.0.2', 40, 0xb9),
      packet6('fd00::1', 'fd00::2', 60, 0xba),
      packet4('10.0.0.1', '10.0.0.2', 40, 0xbb),
    ],
    0,
  )
  const sent = pair.alice.takeSent()
  expect(sent.map(({ trafficClass }) => trafficClass)).toEqual([1, 2, 2])
  for (const { bytes } of sent) pair.bob.receive(bytes, pair.alice.endpoint, 0, { trafficClass: 3 })
  expect(pair.bob.delivered).toEqual([
    packet4('10.0.0.1', '10.0.0.2', 40, 0xbb),
    packet6('fd00::1', 'fd00::2', 60, 0xbb),
    packet4('10.0.0.1', '10.0.0.2', 40, 0xbb),
  ])
})

test('a packet that met congestion and does not know the mark is dropped', () => {
  const pair = connected()
  pair.alice.send([packet4('10.0.0.1', '10.0.0.2', 40)], 0)
  pair.bob.receive(pair.alice.takeSent()[0]!.bytes, pair.alice.endpoint, 0, { trafficClass: 3 })
  expect(pair.bob.delivered).toEqual([])
  expect(pair.bob.device.stats.drops.congestionMarked).toBe(1)
})

test('a device that is down sends nothing and keeps nothing', () => {
  const pair = connected()
  pair.alice.device.down(0)
  pair.ping()
  expect(pair.alice.device.stats.drops.interfaceDown).toBe(1)
  pair.alice.up(1)
  pair.exchange()
  expect(pair.wire.filter(({ type }) => type === INITIATION)).toHaveLength(1)
  expect(pair.bob.delivered).toEqual([])
})
