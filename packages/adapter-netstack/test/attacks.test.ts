/** What an attacker may try: memory stays bounded, connections stay up, nothing hangs. Bob is attacked. */
import { describe, expect, test } from 'vitest'
import { checksum, icmpError, ipPacket, MSS_1000, Peer, SACK_PERMITTED, tcpPacket, udpPacket } from './segments.js'
import { ALICE, App, BOB, call, delayed, isSame, listenWith, pattern, randomOf, Wire } from './wire.js'

function opened(app = new App(new Uint8Array(0), false), options: readonly number[] = MSS_1000) {
  const wire = new Wire(delayed(1))
  listenWith(wire, () => app)
  const peer = new Peer(wire)
  peer.open(options)
  peer.receive()
  return { wire, peer, app }
}

describe('SYN flood', () => {
  test('half-open connections are capped, without buffers, and honest callers get through', () => {
    const wire = new Wire(delayed(1), { tcp: { synBacklog: 100 } })
    const server = new App()
    listenWith(wire, () => server)
    const flood = (i: number): void =>
      wire.inject(
        wire.bob,
        tcpPacket({
          seq: i,
          flags: 'S',
          source: Uint8Array.of(10, 1, i >>> 8, i & 255 || 1),
          sourcePort: 1024 + (i % 60_000),
        }),
      )
    for (let i = 0; i < 20_000; i++) flood(i)
    expect(wire.bob.load.connections).toBe(100)
    expect(wire.bob.load.bufferBytes).toBe(0)
    const client = new App(pattern(1000))
    const connection = wire.alice.connect({ remote: BOB, remotePort: 80, handler: client }, wire.now)
    if (typeof connection === 'string') throw new Error(connection)
    client.connection = connection
    // The flood goes on while the caller's SYN is repeated.
    for (let i = 0; i < 40 && !server.hasEnded; i++) {
      for (let j = 0; j < 20; j++) flood(20_000 + i * 20 + j)
      wire.run(250, () => server.hasEnded)
    }
    expect(isSame(server.bytes, pattern(1000))).toBe(true)
  })
  test('half-open connections whose SYN is repeated for ever end in their time all the same', () => {
    const wire = new Wire(() => [])
    listenWith(wire, () => new App())
    for (let i = 0; i < 3000 && (i === 0 || wire.bob.load.connections > 0); i++) {
      if (i < 2000) wire.inject(wire.bob, tcpPacket({ seq: 7, flags: 'S' }))
      wire.run(150)
    }
    expect(wire.bob.load.connections).toBe(0)
    expect(wire.now).toBeLessThan(400_000)
  })
  test('one source that keeps the queue full gives way to another', () => {
    const wire = new Wire(delayed(1), { tcp: { synBacklog: 100 } })
    const server = new App()
    listenWith(wire, () => server)
    const flood = (from: number): void => {
      for (let i = 0; i < 200; i++)
        wire.inject(
          wire.bob,
          tcpPacket({ seq: 0, flags: 'S', source: Uint8Array.of(10, 0, 0, 66), sourcePort: from + i }),
        )
      wire.drain(wire.bob)
    }
    flood(1000)
    wire.now += 400
    flood(2000)
    expect(wire.bob.load.connections).toBe(100)
    call(wire, new App(pattern(1000)), server, 81)
    const client = new App(pattern(1000))
    const connection = wire.alice.connect({ remote: BOB, remotePort: 80, handler: client }, wire.now)
    if (typeof connection === 'string') throw new Error(connection)
    client.connection = connection
    // No repetition is needed.
    wire.run(100, () => client.isConnected)
    expect(client.isConnected).toBe(true)
  })
  test('resets for strays are limited in rate', () => {
    const wire = new Wire(delayed(1))
    for (let i = 0; i < 5000; i++)
      wire.inject(wire.bob, tcpPacket({ seq: i, flags: 'S', destinationPort: 81, sourcePort: 1024 + i }))
    expect(wire.drain(wire.bob).length).toBeLessThanOrEqual(500)
  })
})

describe('blind resets, SYNs and data (RFC 5961)', () => {
  test('a reset in the window, but not exact, is challenged once in a while; an exact one ends it', () => {
    const { peer, app } = opened()
    for (let i = 1; i < 1000; i++) peer.send({ seq: 1 + i * 60, flags: 'R' })
    expect(peer.texts()).toEqual(['A 1:0 ack 1'])
    expect(app.isClosed).toBe(false)
    peer.send({ seq: 1, flags: 'R' })
    expect(app.error).toBe('ECONNRESET')
  })
  test('a reset out of the window is dropped without a word', () => {
    const { peer, app } = opened()
    peer.send({ seq: 100_000, flags: 'R' })
    peer.send({ seq: -5, flags: 'R' })
    expect(peer.texts()).toEqual([])
    expect(app.isClosed).toBe(false)
  })
  test('a SYN is challenged, wherever it lies (§4.2)', () => {
    for (const seq of [-1000, 1, 500]) {
      const { peer, app } = opened()
      peer.send({ seq, flags: 'S' })
      expect(peer.texts()).toEqual(['A 1:0 ack 1'])
      expect(app.isClosed).toBe(false)
    }
  })
  test('data with an ACK that cannot be is not taken (§5.2)', () => {
    const { peer, app } = opened()
    peer.send({ seq: 1, ack: 2, flags: 'A', data: pattern(10) })
    peer.send({ seq: 1, ack: -100_000, flags: 'A', data: pattern(10) })
    expect(app.bytes.length).toBe(0)
    expect(peer.texts()).toEqual(['A 1:0 ack 1'])
  })
  test('a guess whose ACK cannot be does not make honest segments look old (PAWS)', () => {
    const stamps = (value: number): number[] => [1, 1, 8, 10, 0, 0, value >>> 8, value & 255, 0, 0, 0, 0]
    const { peer, app } = opened(undefined, [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0])
    peer.send({ seq: 1, ack: -200_000, flags: 'A', options: stamps(60_000), data: pattern(3) })
    peer.send({ seq: 1, ack: 5, flags: 'A', options: stamps(60_000), data: pattern(3) })
    peer.send({ seq: 1, ack: 1, flags: 'A', options: stamps(2), data: pattern(5) })
    expect(app.bytes).toEqual(pattern(5))
  })
  test('TIME-WAIT is not ended by a reset (RFC 1337)', () => {
    const { peer, app } = opened()
    app.connection.shutdown()
    peer.receive()
    peer.send({ seq: 1, ack: 2, flags: 'FA' })
    peer.send({ seq: 2, flags: 'R' })
    expect(app.connection.state).toBe('TIME_WAIT')
  })
  test('two ends that disagree do not shout at each other for ever', () => {
    const { peer } = opened()
    let answers = 0
    for (let i = 0; i < 1000; i++) {
      peer.send({ seq: -50, ack: 1, flags: 'A' })
      answers += peer.receive().length
    }
    expect(answers).toBe(1)
  })
})

describe('ICMP (RFC 5927)', () => {
  const quoteOf = (peer: Peer, seq: number): Uint8Array =>
    tcpPacket({
      seq: peer.irs + seq,
      flags: 'A',
      source: BOB,
      destination: ALICE,
      sourcePort: 80,
      destinationPort: 4000,
    })

  test('unreachable does not end a connection, whatever it quotes', () => {
    const app = new App(pattern(5000), false)
    const { peer, wire } = opened(app)
    for (const code of [0, 1, 2, 3, 9, 10, 13]) wire.inject(wire.bob, icmpError(3, code, 0, quoteOf(peer, 1)))
    expect(app.isClosed).toBe(false)
  })
  test('a packet too big that quotes a number that is not under way is ignored', () => {
    const app = new App(pattern(3000), false)
    const { peer, wire } = opened(app)
    const large = { ...{ source: BOB, destination: ALICE, sourcePort: 80, destinationPort: 4000 }, data: pattern(1000) }
    for (const seq of [-1, 3001, 100_000]) {
      wire.inject(wire.bob, icmpError(3, 4, 600, tcpPacket({ seq: peer.irs + seq, flags: 'A', ...large })))
    }
    expect(app.connection.segmentBytes).toBe(1000)
    wire.inject(wire.bob, icmpError(3, 4, 600, tcpPacket({ seq: peer.irs + 1, flags: 'A', ...large })))
    expect(app.connection.segmentBytes).toBe(560)
    // Never below what every path carries, and never up.
    wire.inject(wire.bob, icmpError(3, 4, 68, tcpPacket({ seq: peer.irs + 1, flags: 'A', ...large })))
    expect(app.connection.segmentBytes).toBe(512)
    wire.inject(wire.bob, icmpError(3, 4, 1400, tcpPacket({ seq: peer.irs + 1, flags: 'A', ...large })))
    expect(app.connection.segmentBytes).toBe(512)
  })
  test('an attempt to connect ends with what was unreachable', () => {
    for (const [code, error] of [
      [0, 'ENETUNREACH'],
      [1, 'EHOSTUNREACH'],
      [3, 'ECONNREFUSED'],
    ] as const) {
      const wire = new Wire(delayed(1))
      const app = new App()
      const connection = wire.alice.connect({ remote: BOB, remotePort: 80, handler: app }, wire.now)
      if (typeof connection === 'string') throw new Error(connection)
      const [syn] = wire.drain(wire.alice)
      wire.inject(wire.alice, icmpError(3, code, 0, syn!))
      expect(app.error).toBe(error)
    }
  })
})

describe('memory', () => {
  test('tiny segments out of order: a bounded number of islands, and the stream is right in the end', () => {
    const { peer, app } = opened(undefined, [...MSS_1000, ...SACK_PERMITTED])
    const data = pattern(20_000)
    for (let i = 1; i < 20_000; i += 2) peer.send({ seq: 1 + i, ack: 1, flags: 'A', data: data.subarray(i, i + 1) })
    expect(peer.receive().every(({ options }) => options.length <= 36)).toBe(true)
    expect(peer.stack.load.bufferBytes).toBeLessThanOrEqual(65536)
    expect(app.connection.receiveBuffer.sackBlocks(new Int32Array(40_000), 20_000)).toBeLessThanOrEqual(64)
    for (let i = 0; i < 20_000; i += 1000)
      peer.send({ seq: 1 + i, ack: 1, flags: 'A', data: data.subarray(i, i + 1000) })
    expect(isSame(app.bytes, data)).toBe(true)
  })
  test('overlapping segments: what came first stays', () => {
    const random = randomOf(11)
    for (let round = 0; round < 50; round++) {
      const { peer, app } = opened()
      const data = pattern(3000, round)
      for (let i = 0; i < 60; i++) {
        const at = Math.floor(random() * 3000)
        const length = 1 + Math.floor(random() * Math.min(800, 3000 - at))
        peer.send({ seq: 1 + at, ack: 1, flags: 'A', data: data.subarray(at, at + length) })
      }
      for (let at = 0; at < 3000; at += 700)
        peer.send({ seq: 1 + at, ack: 1, flags: 'A', data: data.subarray(at, at + 700) })
      expect(isSame(app.bytes, data)).toBe(true)
    }
    const { peer, app } = opened()
    peer.send({ seq: 3, ack: 1, flags: 'A', data: Uint8Array.of(3, 4) })
    peer.send({ seq: 1, ack: 1, flags: 'A', data: Uint8Array.of(1, 2, 66, 66, 5) })
    expect([...app.bytes]).toEqual([1, 2, 3, 4, 5])
  })
  test('a hundred connections that each hold a window of data out of order stay in the budget', () => {
    const budget = 1024 * 1024
    const wire = new Wire(delayed(1), { tcp: { memoryBytes: budget } })
    const apps: App[] = []
    listenWith(wire, () => {
      const app = new App(new Uint8Array(0), false)
      apps.push(app)
      return app
    })
    const peers = Array.from({ length: 100 }, (_, i) => new Peer(wire, 80, 5000 + i))
    for (const peer of peers) {
      peer.open()
      peer.send({ seq: 60_000, ack: 1, flags: 'A', data: pattern(1000) })
      wire.drain(wire.bob)
    }
    expect(wire.bob.load.bufferBytes).toBeLessThanOrEqual(budget)
    expect(wire.bob.tcpStats.noMemory).toBeGreaterThan(0)
    for (const peer of peers) peer.send({ seq: 1, flags: 'R' })
    expect(wire.bob.load).toMatchObject({ connections: 0, bufferBytes: 0 })
  })
  test('single bytes far ahead take no more than half of the memory: streams in order have the rest', () => {
    const budget = 1024 * 1024
    const wire = new Wire(delayed(1), { tcp: { memoryBytes: budget } })
    listenWith(wire, () => new App(new Uint8Array(0), false))
    for (let i = 0; i < 100; i++) {
      const peer = new Peer(wire, 80, 5000 + i)
      peer.open()
      peer.send({ seq: 60_000, ack: 1, flags: 'A', data: pattern(1) })
      wire.drain(wire.bob)
    }
    expect(wire.bob.load.bufferBytes).toBeGreaterThan(budget / 4)
    expect(wire.bob.load.bufferBytes).toBeLessThanOrEqual(budget / 2)
    const honest = new App(new Uint8Array(0), false)
    honest.isPaused = true
    call(wire, new App(pattern(200_000)), honest, 81)
    wire.run(2000, () => honest.connection?.readableBytes === 200_000)
    expect(honest.connection.readableBytes).toBe(200_000)
  })
  test('peers that never acknowledge the end of what they asked for keep a bounded number of connections', () => {
    const wire = new Wire(delayed(1), { tcp: { maxOrphans: 20 } })
    const apps: App[] = []
    listenWith(wire, () => {
      apps.push(new App(pattern(2000), false))
      return apps.at(-1)!
    })
    for (let i = 0; i < 100; i++) {
      new Peer(wire, 80, 5000 + i).open()
      apps.at(-1)!.connection.close()
      wire.drain(wire.bob)
    }
    expect(wire.bob.load.connections).toBe(20)
    expect(wire.bob.load.bufferBytes).toBe(20 * 2048)
  })
  test('readers that never read hold no more than the window they announced', () => {
    const wire = new Wire(delayed(5))
    const client = new App(pattern(10_000_000))
    const server = new App(new Uint8Array(0), false)
    server.isPaused = true
    call(wire, client, server)
    wire.run(600_000)
    expect(wire.bob.load.bufferBytes).toBeLessThanOrEqual(512 * 1024)
    expect(client.isClosed).toBe(false)
    // Even after ten minutes of probes the rest goes through.
    server.isPaused = false
    server.onReadable()
    wire.run(600_000, () => server.hasEnded)
    expect(isSame(server.bytes, pattern(10_000_000))).toBe(true)
  })
  test('when memory is short everyone still gets through', () => {
    const random = randomOf(4)
    const wire = new Wire((_packet, _from, now) => (random() < 0.05 ? [] : [now + 2]), {
      tcp: { memoryBytes: 32 * 1024 },
    })
    const servers: App[] = []
    listenWith(wire, () => {
      servers.push(new App(pattern(50_000, 9)))
      return servers.at(-1)!
    })
    const clients = Array.from({ length: 20 }, () => new App(pattern(50_000, 8)))
    for (const client of clients) {
      const connection = wire.alice.connect({ remote: BOB, remotePort: 80, handler: client }, wire.now)
      if (typeof connection === 'string') throw new Error(connection)
      client.connection = connection
    }
    wire.run(3_600_000, () => clients.every((client) => client.isClosed) && servers.every((server) => server.isClosed))
    for (const client of clients) expect(isSame(client.bytes, pattern(50_000, 9))).toBe(true)
    for (const server of servers) expect(isSame(server.bytes, pattern(50_000, 8))).toBe(true)
    expect(wire.bob.tcpStats.noMemory + wire.alice.tcpStats.noMemory).toBeGreaterThan(0)
  })
  test('a closed window does not hold the data of an application that is gone for ever', () => {
    const app = new App(pattern(5000), false)
    const { peer } = opened(app)
    peer.send({ seq: 1, ack: 1001, flags: 'A', window: 0 })
    app.connection.close()
    for (let i = 0; i < 60 && peer.stack.load.connections > 0; i++) {
      if (peer.receive().length > 0) peer.send({ seq: 1, ack: 1001, flags: 'A', window: 0 })
      peer.receive()
      peer.wait(200_000)
    }
    expect(peer.stack.load).toMatchObject({ connections: 0, bufferBytes: 0 })
  })
  test('fragments: a bounded number, in bounded memory, for a bounded time', () => {
    const wire = new Wire(delayed(1))
    for (let i = 0; i < 5000; i++) wire.inject(wire.bob, ipPacket(17, pattern(1400), ALICE, BOB, 0x2000 | (i % 7), i))
    expect(wire.bob.load.fragmentBytes).toBeLessThanOrEqual(512 * 1024)
    wire.run(60_000)
    expect(wire.bob.load.fragmentBytes).toBe(0)
  })
  test('one that floods with fragments does not push out those of another', () => {
    const wire = new Wire(delayed(1))
    const got: number[] = []
    const handler = { onMessage: (data: Uint8Array) => got.push(data.length), onError: () => undefined }
    if (typeof wire.bob.bindUdp(null, 53, handler) === 'string') throw new Error('taken')
    const datagram = udpPacket(pattern(3000), 53)
    for (const bytes of [8, 1400]) {
      wire.inject(wire.bob, ipPacket(17, datagram.subarray(0, 2000), ALICE, BOB, 0x2000, 1))
      for (let i = 0; i < 5000; i++)
        wire.inject(
          wire.bob,
          ipPacket(17, pattern(bytes), Uint8Array.of(10, 0, 0, 66), BOB, 0x2000 | ((i % 7) * 200), i),
        )
      wire.inject(wire.bob, ipPacket(17, datagram.subarray(2000), ALICE, BOB, 250, 1))
    }
    expect(got).toEqual([3000, 3000])
    expect(wire.bob.load.fragmentBytes).toBeLessThanOrEqual(512 * 1024)
  })
  test('peers that keep connections open leave room for ours', () => {
    const wire = new Wire(delayed(1), { tcp: { maxConnections: 80 } })
    listenWith(wire, () => new App(new Uint8Array(0), false))
    for (let i = 0; i < 100; i++) {
      wire.inject(wire.bob, tcpPacket({ seq: 0, flags: 'S', sourcePort: 5000 + i }))
      wire.drain(wire.bob)
    }
    expect(wire.bob.load.connections).toBe(70)
    const handler = new App()
    expect(wire.bob.connect({ remote: ALICE, remotePort: 80, handler }, wire.now)).toBeTypeOf('object')
  })
  test('the MSS of a peer cannot be made so small that headers are all there is (CVE-2019-11479)', () => {
    const app = new App(pattern(1000), false)
    const { peer } = opened(app, [2, 4, 0, 1])
    expect(app.connection.segmentBytes).toBeGreaterThanOrEqual(36)
    expect(peer.stack.stats.packetsSent).toBeLessThan(40)
  })
  test('windows of one byte: the stream arrives, without a packet storm', () => {
    const app = new App(pattern(40), false)
    const wire = new Wire(delayed(1))
    listenWith(wire, () => app)
    const peer = new Peer(wire)
    peer.open(MSS_1000, 1)
    const got: number[] = []
    for (let i = 0; i < 2000 && got.length < 40; i++) {
      for (const { seq, data } of peer.receive()) if (seq === 1 + got.length) got.push(...data)
      peer.send({ seq: 1, ack: 1 + got.length, flags: 'A', window: 1 })
      peer.wait(500)
    }
    expect(got).toEqual([...pattern(40)])
    expect(wire.bob.stats.packetsSent).toBeLessThan(200)
  })
})

describe('malformed packets', () => {
  test('options of every length and kind, too long, too short, without end', () => {
    const random = randomOf(5)
    const { peer, app, wire } = opened()
    let at = 1
    for (let i = 0; i < 2000; i++) {
      const options = Array.from({ length: Math.floor(random() * 41) }, () =>
        Math.floor(random() * (i % 2 === 0 ? 11 : 256)),
      )
      peer.send({ seq: at, ack: 1, flags: 'A', options, data: pattern(5) })
      // Without timestamps agreed on, nothing in them matters to data.
      at += 5
      wire.drain(wire.bob)
    }
    expect(app.bytes.length).toBe(10_000)
  })
  test('any bytes at all: nothing is thrown, and a connection is not disturbed', () => {
    const random = randomOf(6)
    const { peer, app, wire } = opened()
    for (let i = 0; i < 20_000; i++) {
      const packet = Uint8Array.from({ length: Math.floor(random() * 120) }, () => random() * 256)
      if (packet.length > 20) {
        packet[0] = i % 3 === 0 ? 0x60 : 0x45
        if (i % 3 !== 0) {
          packet.set([0, packet.length], 2)
          packet.set([0, 0], 6)
          packet.set([...ALICE, ...BOB], 12)
          packet[9] = [1, 6, 17][(i % 5) % 3]!
          packet.set([0, 0], 10)
          const sum = checksum(packet.subarray(0, 20))
          packet.set([sum >>> 8, sum & 255], 10)
        }
      }
      wire.inject(wire.bob, packet)
    }
    wire.drain(wire.bob)
    expect(wire.handlerErrors).toEqual([])
    peer.send({ seq: 1, ack: 1, flags: 'A', data: pattern(5) })
    expect(app.bytes).toEqual(pattern(5))
  })
  test('packets from nobody, from ourselves and to others are dropped silently', () => {
    const wire = new Wire(delayed(1))
    listenWith(wire, () => new App())
    for (const source of [[0, 0, 0, 0], [127, 0, 0, 1], [224, 0, 0, 1], [255, 255, 255, 255], [...BOB]]) {
      wire.inject(wire.bob, tcpPacket({ seq: 0, flags: 'S', source: Uint8Array.from(source) }))
    }
    wire.inject(wire.bob, tcpPacket({ seq: 0, flags: 'S', destination: Uint8Array.of(10, 0, 0, 77) }))
    expect(wire.drain(wire.bob)).toEqual([])
    expect(wire.bob.stats.notOurs).toBe(6)
  })
})

test('an address that stands for one of IPv4 neither sends nor receives: applications would take it for loopback', () => {
  const wire = new Wire(delayed(1))
  const mapped = (...quad: number[]): Uint8Array => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...quad)
  const bob = wire.bob.addresses.find(({ length }) => length === 16)!
  const packet = new Uint8Array(48)
  packet.set([0x60, 0, 0, 0, 0, 8, 17, 64])
  packet.set(mapped(127, 0, 0, 1), 8)
  packet.set(bob, 24)
  packet.set([15, 160, 0, 53, 0, 8], 40)
  const sum = checksum(packet.subarray(8, 40), Uint8Array.of(0, 8, 0, 17), packet.subarray(40))
  packet.set([sum >>> 8, sum & 255], 46)
  wire.inject(wire.bob, packet)
  expect(wire.drain(wire.bob)).toEqual([])
  expect(wire.bob.stats.notOurs).toBe(1)
  const handler = new App()
  expect(wire.bob.connect({ remote: mapped(10, 0, 0, 1), remotePort: 80, handler }, wire.now)).toBe('ENETUNREACH')
})

test('a UDP port that takes from one alone looks closed to all others, and hears no errors of theirs', () => {
  const wire = new Wire(delayed(1))
  const got: string[] = []
  const handler = {
    onMessage: (data: Uint8Array) => got.push(`${data.length} bytes`),
    onError: (code: string) => got.push(code),
  }
  const remote = { address: ALICE, port: 4000 }
  if (typeof wire.bob.bindUdp(null, 5353, handler, remote) === 'string') throw new Error('taken')
  const eve = Uint8Array.of(10, 0, 0, 9)
  const stranger = udpPacket(pattern(9), 5353)
  stranger.fill(0, 6, 8)
  wire.inject(wire.bob, ipPacket(17, stranger, eve, BOB))
  expect(wire.drain(wire.bob).map((packet) => packet.subarray(20, 22))).toEqual([Uint8Array.of(3, 3)])
  const sentTo = (destination: Uint8Array, port: number): Uint8Array => {
    const datagram = Uint8Array.of(5353 >> 8, 5353 & 255, port >> 8, port & 255, 0, 8, 0, 0)
    return ipPacket(17, datagram, BOB, destination)
  }
  wire.inject(wire.bob, icmpError(3, 3, 0, sentTo(eve, 4000)))
  wire.inject(wire.bob, icmpError(3, 3, 0, sentTo(ALICE, 4001)))
  expect(got).toEqual([])
  wire.inject(wire.bob, ipPacket(17, udpPacket(pattern(5), 5353)))
  wire.inject(wire.bob, icmpError(3, 3, 0, sentTo(ALICE, 4000)))
  expect(got).toEqual(['5 bytes', 'ECONNREFUSED'])
})

test('UDP fragments are put together in any order; an overlap ends the datagram (RFC 5722)', () => {
  const wire = new Wire(delayed(1))
  const got: Uint8Array[] = []
  const socket = wire.bob.bindUdp(null, 53, { onMessage: (data) => got.push(data.slice()), onError: () => undefined })
  if (typeof socket === 'string') throw new Error(socket)
  const datagram = udpPacket(pattern(3000), 53)
  const pieces = [0, 1000, 2000].map((at, i) => {
    const end = i === 2 ? datagram.length : at + 1000
    return (identification: number) =>
      ipPacket(17, datagram.subarray(at, end), ALICE, BOB, (i === 2 ? 0 : 0x2000) | (at / 8), identification)
  })
  for (const i of [2, 0, 0, 1]) wire.inject(wire.bob, pieces[i]!(7))
  expect(got).toEqual([pattern(3000)])
  wire.inject(wire.bob, pieces[0]!(8))
  wire.inject(wire.bob, ipPacket(17, new Uint8Array(800), ALICE, BOB, 0x2000 | (504 / 8), 8))
  for (const i of [1, 2]) wire.inject(wire.bob, pieces[i]!(8))
  expect(got.length).toBe(1)
  // An overlap that makes up for a hole: as many bytes as the whole, but not the whole.
  const hole = udpPacket(pattern(16), 53)
  const before = wire.bob.load.fragmentBytes
  wire.inject(wire.bob, ipPacket(17, hole.subarray(8, 24), ALICE, BOB, 1, 9))
  wire.inject(wire.bob, ipPacket(17, hole.subarray(16, 24), ALICE, BOB, 0x2000 | 2, 9))
  expect(wire.bob.load.fragmentBytes).toBe(before)
  // The same, but the end is told last.
  for (const [at, fragment] of [
    [0, 0x2000],
    [16, 0x2000 | 3],
    [8, 2],
  ] as const) {
    wire.inject(wire.bob, ipPacket(17, hole.subarray(at, at + 8), ALICE, BOB, fragment, 10))
  }
  expect(got.length).toBe(1)
  expect(wire.bob.load.fragmentBytes).toBe(before)
  expect(wire.bob.stats.malformed).toBe(0)
})
