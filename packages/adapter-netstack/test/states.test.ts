/** One test for each rule, by the RFC that has it. Bob is the stack; his peer is written by hand. */
import { describe, expect, test } from 'vitest'
import { MSS_1000, Peer, SACK_PERMITTED } from './segments.js'
import type { Connection } from '../src/core/stack.js'
import { ALICE, App, BOB, delayed, listenWith, pattern, randomOf, Wire } from './wire.js'

function serve(app: App = new App(new Uint8Array(0), false)): { wire: Wire; peer: Peer; app: App } {
  const wire = new Wire(delayed(1))
  listenWith(wire, () => app)
  return { wire, peer: new Peer(wire), app }
}

function opened(app?: App, options?: readonly number[], window?: number): { wire: Wire; peer: Peer; app: App } {
  const made = serve(app)
  made.peer.open(options, window)
  return made
}

const bytes = (count: number): Uint8Array => pattern(count, 3)

describe('RFC 9293 §3.10.7.1, CLOSED', () => {
  test('a segment without ACK is reset with its own number acknowledged', () => {
    const { peer } = serve()
    const other = new Peer(peer.wire, 81)
    other.send({ seq: 5, flags: 'S', data: bytes(3) })
    expect(other.texts()).toEqual(['RA 0:0 ack 9'])
  })
  test('a segment with ACK is reset with the number it acknowledged', () => {
    const { peer } = serve()
    const other = new Peer(peer.wire, 81)
    other.send({ seq: 5, ack: 77, flags: 'A' })
    expect(other.texts()).toEqual(['R 77:0'])
  })
  test('a reset is not answered', () => {
    const { peer } = serve()
    const other = new Peer(peer.wire, 81)
    other.send({ seq: 5, flags: 'R' })
    expect(other.texts()).toEqual([])
  })
})

describe('RFC 9293 §3.10.7.2, LISTEN', () => {
  test('a SYN is answered with SYN and ACK, repeated after 1, 2, 4 … seconds (RFC 6298 §5.5)', () => {
    const { peer, wire } = serve()
    peer.send({ seq: 0, flags: 'S' })
    const start = wire.now
    const at: number[] = []
    for (let i = 0; i < 4; i++) {
      const [answer] = peer.receive()
      expect(answer).toMatchObject({ flags: 'SA', ack: 1 })
      at.push(wire.now - start)
      peer.wait(60_000)
    }
    expect(at).toEqual([0, 1000, 3000, 7000])
  })
  test('an ACK is reset, a FIN and a reset are dropped', () => {
    const { peer } = serve()
    peer.send({ seq: 0, ack: 5, flags: 'A' })
    expect(peer.texts()).toEqual(['R 5:0'])
    peer.send({ seq: 0, flags: 'F' })
    peer.send({ seq: 0, flags: 'R' })
    expect(peer.texts()).toEqual([])
  })
  test('options are answered only when offered (RFC 7323 §2.2, RFC 2018 §2)', () => {
    const plain = serve().peer
    plain.send({ seq: 0, flags: 'S' })
    expect(plain.receive()[0]!.options).toEqual([2, 4, 1380 >>> 8, 1380 & 255])
    const sack = serve().peer
    sack.send({ seq: 0, flags: 'S', options: SACK_PERMITTED })
    expect(sack.receive()[0]!.options).toEqual([2, 4, 1380 >>> 8, 1380 & 255, 1, 1, 4, 2])
    const scale = serve().peer
    scale.send({ seq: 0, flags: 'S', options: [3, 3, 2] })
    expect(scale.receive()[0]!.options.slice(4)).toEqual([1, 3, 3, 7])
  })
})

describe('RFC 9293 §3.10.7.3, SYN-SENT', () => {
  function calling(): { wire: Wire; app: App; syn: () => number } {
    const wire = new Wire(delayed(1))
    const app = new App(new Uint8Array(0), false)
    const connection = wire.alice.connect(
      { remote: Uint8Array.of(10, 0, 0, 2), remotePort: 80, localPort: 999, handler: app },
      wire.now,
    )
    if (typeof connection === 'string') throw new Error(connection)
    app.connection = connection
    return { wire, app, syn: () => connection.iss }
  }
  const peerOf = (wire: Wire, iss: number): Peer => {
    const peer = new Peer(wire, 999, 80)
    Object.assign(peer, { stack: wire.alice, irs: iss })
    return peer
  }
  const addresses = { source: Uint8Array.of(10, 0, 0, 2), destination: Uint8Array.of(10, 0, 0, 1) }

  test('an unacceptable ACK is reset, and a reset with one is ignored', () => {
    const { wire, app, syn } = calling()
    wire.drain(wire.alice)
    const peer = peerOf(wire, syn())
    peer.send({ seq: 0, ack: 9, flags: 'SA', ...addresses })
    expect(peer.texts()).toEqual(['R 9:0'])
    peer.send({ seq: 0, ack: 9, flags: 'RA', ...addresses })
    peer.send({ seq: 0, flags: 'R', ...addresses })
    expect(app.isClosed).toBe(false)
  })
  test('a reset that acknowledges the SYN refuses', () => {
    const { wire, app, syn } = calling()
    wire.drain(wire.alice)
    peerOf(wire, syn()).send({ seq: 0, ack: 1, flags: 'RA', ...addresses })
    expect(app.error).toBe('ECONNREFUSED')
  })
  test('simultaneous open: two SYNs cross, both are answered, both sides are connected (§3.5 figure 7)', () => {
    const { wire, app, syn } = calling()
    wire.drain(wire.alice)
    const peer = peerOf(wire, syn())
    peer.send({ seq: 0, flags: 'S', ...addresses })
    expect(peer.texts()).toEqual(['SA 0:0 ack 1'])
    peer.send({ seq: 1, ack: 1, flags: 'A', ...addresses })
    expect(app.isConnected).toBe(true)
  })
  test.each([1, 50, 150, 700])('two of us that call each other are connected, %i ms apart', (ms) => {
    const wire = new Wire(delayed(ms))
    const apps = [new App(bytes(3000)), new App(bytes(2000))] as const
    const calls = [
      wire.alice.connect({ remote: BOB, remotePort: 6000, localPort: 5000, handler: apps[0] }, wire.now),
      wire.bob.connect({ remote: ALICE, remotePort: 5000, localPort: 6000, handler: apps[1] }, wire.now),
    ]
    for (const [i, connection] of calls.entries()) {
      if (typeof connection === 'string') throw new Error(connection)
      apps[i]!.connection = connection
    }
    wire.run(20 * ms, () => apps.every((app) => app.hasEnded))
    expect(apps.map((app) => app.bytes)).toEqual([bytes(2000), bytes(3000)])
    expect(wire.packets).toBeLessThan(30)
  })
  test('two of us that call each other are connected whatever is lost', () => {
    const random = randomOf(3)
    for (let round = 0; round < 50; round++) {
      const wire = new Wire((_packet, _from, now) => (random() < 0.3 ? [] : [now + 1 + random() * 200]))
      const apps = [new App(bytes(100)), new App(bytes(200))] as const
      apps[0].connection = wire.alice.connect(
        { remote: BOB, remotePort: 6000, localPort: 5000, handler: apps[0] },
        wire.now,
      ) as Connection
      apps[1].connection = wire.bob.connect(
        { remote: ALICE, remotePort: 5000, localPort: 6000, handler: apps[1] },
        wire.now,
      ) as Connection
      wire.run(3_600_000, () => apps.every((app) => app.hasEnded))
      expect(apps.map((app) => app.bytes)).toEqual([bytes(200), bytes(100)])
    }
  })
  test('nobody answers: ETIMEDOUT after at least three minutes (§3.8.3)', () => {
    const { wire, app } = calling()
    wire.fate = () => []
    const start = wire.now
    wire.run(3_600_000, () => app.isClosed)
    expect(app.error).toBe('ETIMEDOUT')
    expect(wire.now - start).toBeGreaterThan(180_000)
  })
})

describe('RFC 9293 §3.10.7.4, synchronized states', () => {
  test('data in order is delivered and acknowledged', () => {
    const { peer, app } = opened()
    peer.send({ seq: 1, ack: 1, flags: 'AP', data: bytes(100) })
    expect(app.bytes).toEqual(bytes(100))
    expect(peer.texts()).toEqual(['A 1:0 ack 101'])
  })
  test('a segment without ACK is dropped', () => {
    const { peer, app } = opened()
    peer.send({ seq: 1, flags: 'P', data: bytes(10) })
    expect(app.bytes.length).toBe(0)
    expect(peer.texts()).toEqual([])
  })
  test('old data is acknowledged again and not delivered again', () => {
    const { peer, app } = opened()
    peer.send({ seq: 1, ack: 1, flags: 'A', data: bytes(10) })
    peer.receive()
    peer.send({ seq: 1, ack: 1, flags: 'A', data: bytes(10) })
    expect(peer.texts()).toEqual(['A 1:0 ack 11'])
    expect(app.bytes.length).toBe(10)
  })
  test('data beyond the window is cut off', () => {
    const { peer, app } = opened()
    app.isPaused = true
    const huge = bytes(60_000)
    for (let at = 0; at < 300_000; at += 60_000) peer.send({ seq: 1 + at, ack: 1, flags: 'A', data: huge })
    const last = peer.receive().at(-1)!
    // Without window scaling 65535 bytes fit, whatever is sent.
    expect(last.ack).toBeLessThanOrEqual(1 + 65535)
  })
  test('the urgent pointer is ignored (RFC 6093 §4)', () => {
    const { peer, app } = opened()
    peer.send({ seq: 1, ack: 1, flags: 'APU', data: bytes(10) })
    expect(app.bytes).toEqual(bytes(10))
  })
  test('segments out of order wait, and are reported (RFC 2018)', () => {
    const { peer, app } = opened(undefined, [...MSS_1000, ...SACK_PERMITTED])
    peer.receive()
    peer.send({ seq: 101, ack: 1, flags: 'A', data: bytes(300).subarray(100, 200) })
    expect(peer.receive()[0]).toMatchObject({ ack: 1, options: [1, 1, 5, 10, ...sequences(peer, 101, 201)] })
    peer.send({ seq: 251, ack: 1, flags: 'A', data: bytes(300).subarray(250, 300) })
    // The latest block comes first (§4).
    expect(peer.receive()[0]!.options).toEqual([1, 1, 5, 18, ...sequences(peer, 251, 301, 101, 201)])
    peer.send({ seq: 1, ack: 1, flags: 'A', data: bytes(300).subarray(0, 100) })
    peer.send({ seq: 201, ack: 1, flags: 'A', data: bytes(300).subarray(200, 250) })
    expect(app.bytes).toEqual(bytes(300))
    expect(peer.receive().at(-1)).toMatchObject({ ack: 301, options: [] })
  })
  test('delayed ACK: the second segment, or 40 ms (§3.8.6.3)', () => {
    const { peer, wire } = opened()
    // The first sixteen are acknowledged at once, for the peer's window to grow.
    for (let i = 0; i < 16; i++) peer.send({ seq: 1 + i, ack: 1, flags: 'A', data: bytes(1) })
    peer.receive()
    peer.send({ seq: 17, ack: 1, flags: 'A', data: bytes(1) })
    expect(peer.texts()).toEqual([])
    const start = wire.now
    peer.wait(1000)
    expect(peer.texts()).toEqual(['A 1:0 ack 18'])
    expect(wire.now - start).toBe(40)
    peer.send({ seq: 18, ack: 1, flags: 'A', data: bytes(1) })
    peer.send({ seq: 19, ack: 1, flags: 'A', data: bytes(1) })
    expect(peer.texts()).toEqual(['A 1:0 ack 20'])
  })
})

describe('RFC 7323, timestamps', () => {
  const stamp = (value: number, echo = 0): number[] => [1, 1, 8, 10, ...bigEndian(value), ...bigEndian(echo)]

  test('a segment older than one that was taken is acknowledged and dropped (PAWS, §5.3), one without is dropped (§3.2)', () => {
    const { peer, app } = opened(undefined, stamp(1000))
    peer.send({ seq: 1, ack: 1, flags: 'A', data: bytes(10), options: stamp(1010) })
    peer.receive()
    peer.send({ seq: 11, ack: 1, flags: 'A', data: bytes(10), options: stamp(1009) })
    expect(peer.texts()).toEqual(['A 1:0 ack 11'])
    peer.send({ seq: 11, ack: 1, flags: 'A', data: bytes(10) })
    expect(peer.texts()).toEqual([])
    expect(app.bytes.length).toBe(10)
  })
  test('the echo is that of the segment that holds the next expected number (§4.3)', () => {
    const { peer } = opened(undefined, stamp(1000))
    peer.send({ seq: 1, ack: 1, flags: 'A', data: bytes(10), options: stamp(1010) })
    expect(peer.receive()[0]!.options.slice(8)).toEqual(bigEndian(1010))
    // Out of order: the older one stays.
    peer.send({ seq: 21, ack: 1, flags: 'A', data: bytes(10), options: stamp(1030) })
    expect(peer.receive()[0]!.options.slice(8, 12)).toEqual(bigEndian(1010))
    peer.send({ seq: 11, ack: 1, flags: 'A', data: bytes(10), options: stamp(1020) })
    expect(peer.receive()[0]!.options.slice(8)).toEqual(bigEndian(1020))
  })
})

describe('RFC 9293 §3.6, closing', () => {
  test('the peer closes first: CLOSE-WAIT, LAST-ACK, CLOSED', () => {
    const { peer, app } = opened()
    peer.send({ seq: 1, ack: 1, flags: 'FA' })
    expect(peer.texts()).toEqual(['A 1:0 ack 2'])
    expect(app.connection.state).toBe('CLOSE_WAIT')
    app.connection.write(bytes(5))
    app.connection.shutdown()
    expect(peer.texts()).toEqual(['FPA 1:5 ack 2'])
    expect(app.connection.state).toBe('LAST_ACK')
    peer.send({ seq: 2, ack: 7, flags: 'A' })
    expect(app.log).toEqual(['connect', 'end', 'close null'])
    expect(peer.stack.load.connections).toBe(0)
  })
  test('we close first: FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT for twice the lifetime of a segment', () => {
    const { peer, app, wire } = opened()
    app.connection.shutdown()
    expect(peer.texts()).toEqual(['FA 1:0 ack 1'])
    expect(app.connection.state).toBe('FIN_WAIT_1')
    peer.send({ seq: 1, ack: 2, flags: 'A', data: bytes(3) })
    expect(app.connection.state).toBe('FIN_WAIT_2')
    peer.receive()
    peer.send({ seq: 4, ack: 2, flags: 'FA' })
    expect(peer.texts()).toEqual(['A 2:0 ack 5'])
    expect(app.connection.state).toBe('TIME_WAIT')
    expect(app.log).toEqual(['connect', 'end', 'close null'])
    // A repeated FIN is acknowledged, and starts the time anew.
    peer.wait(50_000)
    peer.send({ seq: 4, ack: 2, flags: 'FA' })
    expect(peer.texts()).toEqual(['A 2:0 ack 5'])
    const start = wire.now
    while (peer.stack.load.connections > 0) peer.wait(1000)
    expect(wire.now - start).toBeGreaterThanOrEqual(60_000)
    expect(wire.now - start).toBeLessThan(62_000)
  })
  test('both close at once: CLOSING', () => {
    const { peer, app } = opened()
    app.connection.shutdown()
    peer.receive()
    peer.send({ seq: 1, ack: 1, flags: 'FA' })
    expect(app.connection.state).toBe('CLOSING')
    peer.send({ seq: 2, ack: 2, flags: 'A' })
    expect(app.connection.state).toBe('TIME_WAIT')
  })
  test('a FIN ahead of missing data waits for it', () => {
    const { peer, app } = opened()
    peer.send({ seq: 11, ack: 1, flags: 'FA', data: bytes(20).subarray(10) })
    expect(app.hasEnded).toBe(false)
    peer.send({ seq: 1, ack: 1, flags: 'A', data: bytes(20).subarray(0, 10) })
    expect(app.hasEnded).toBe(true)
    expect(app.bytes).toEqual(bytes(20))
  })
  test('data for an application that is gone is reset (RFC 2525 §2.17)', () => {
    const { peer, app } = opened()
    app.connection.close()
    expect(peer.texts()).toEqual(['FA 1:0 ack 1'])
    peer.send({ seq: 1, ack: 2, flags: 'A', data: bytes(1) })
    expect(peer.texts()).toEqual(['RA 2:0 ack 1'])
    expect(peer.stack.load.connections).toBe(0)
  })
  test.each([
    ['we closed first, and TIME-WAIT is over', true],
    ['the peer closed first', false],
  ])('what arrived before an orderly end can be read long after it: %s', (_, areWeFirst) => {
    const { peer, app } = opened(new App(new Uint8Array(0), false))
    app.isPaused = true
    if (areWeFirst) app.connection.shutdown()
    peer.receive()
    const acked = areWeFirst ? 2 : 1
    for (let i = 0; i < 3; i++) peer.send({ seq: 1 + i * 1000, ack: acked, flags: 'A', data: bytes(1000) })
    peer.send({ seq: 3001, ack: acked, flags: 'FA' })
    app.connection.shutdown()
    peer.receive()
    peer.send({ seq: 3002, ack: 2, flags: 'A' })
    for (let i = 0; i < 10; i++) peer.wait(60_000)
    expect(app.connection.state).toBe('CLOSED')
    app.isPaused = false
    app.onReadable()
    expect(app.bytes.length).toBe(3000)
    expect(peer.stack.load.bufferBytes).toBe(0)
  })
  test.each(['close', 'abort'] as const)('what nobody reads after an orderly end is given up by %s()', (how) => {
    const { peer, app } = opened(new App(new Uint8Array(0), false))
    app.isPaused = true
    peer.send({ seq: 1, ack: 1, flags: 'FA', data: bytes(1000) })
    app.connection.shutdown()
    peer.receive()
    peer.send({ seq: 1002, ack: 2, flags: 'A' })
    expect(app.error).toBe(null)
    expect(peer.stack.load).toMatchObject({ connections: 0, bufferBytes: 2048 })
    app.connection[how]()
    expect(peer.stack.load.bufferBytes).toBe(0)
  })
  test('a new SYN above the old numbers opens a connection in TIME-WAIT anew (§3.6.1)', () => {
    const { peer, app } = opened()
    app.connection.shutdown()
    peer.receive()
    peer.send({ seq: 1, ack: 2, flags: 'FA' })
    peer.receive()
    peer.send({ seq: 100, flags: 'S' })
    expect(peer.receive()[0]).toMatchObject({ flags: 'SA', ack: 101 })
  })
})

describe('windows', () => {
  test('silly windows are not used: a segment waits until it is worth sending (RFC 9293 §3.8.6.2.1)', () => {
    const app = new App(bytes(5000), false)
    const { peer } = opened(app, MSS_1000, 1000)
    expect(peer.texts()).toEqual(['A 1:1000 ack 1'])
    peer.send({ seq: 1, ack: 1001, flags: 'A', window: 100 })
    expect(peer.texts()).toEqual([])
    peer.send({ seq: 1, ack: 1001, flags: 'A', window: 1000 })
    expect(peer.texts()).toEqual(['A 1001:1000 ack 1'])
  })
  test('a closed window is probed for ever while the peer answers, ever more slowly (§3.8.6.1)', () => {
    const app = new App(bytes(5000), false)
    const { peer, wire } = opened(app, MSS_1000, 1000)
    peer.receive()
    peer.send({ seq: 1, ack: 1001, flags: 'A', window: 0 })
    expect(peer.texts()).toEqual([])
    let last = wire.now
    let before = 0
    for (let i = 0; i < 40; i++) {
      peer.wait(200_000)
      expect(peer.texts()).toEqual(['A 1001:1 ack 1'])
      expect(wire.now - last).toBeGreaterThanOrEqual(before)
      before = Math.min(wire.now - last, 119_000)
      last = wire.now
      peer.send({ seq: 1, ack: 1001, flags: 'A', window: 0 })
      expect(peer.texts()).toEqual([])
    }
    expect(before).toBeGreaterThan(60_000)
    peer.send({ seq: 1, ack: 1001, flags: 'A', window: 4000 })
    expect(peer.texts()[0]).toBe('A 1001:1000 ack 1')
  })
  test('probes that nobody answers end the connection', () => {
    const app = new App(bytes(5000), false)
    const { peer, wire } = opened(app, MSS_1000, 1000)
    peer.receive()
    peer.send({ seq: 1, ack: 1001, flags: 'A', window: 0 })
    for (let i = 0; i < 100 && !app.isClosed; i++) {
      peer.wait(200_000)
      wire.drain(peer.stack)
    }
    expect(app.error).toBe('ETIMEDOUT')
  })
  test('Nagle: one small segment at a time (§3.7.4), unless the application says no', () => {
    const { peer, app } = opened()
    app.connection.write(bytes(10))
    expect(peer.texts()).toEqual(['PA 1:10 ack 1'])
    app.connection.write(bytes(10))
    app.connection.write(bytes(10))
    expect(peer.texts()).toEqual([])
    peer.send({ seq: 1, ack: 11, flags: 'A' })
    expect(peer.texts()).toEqual(['PA 11:20 ack 1'])
    app.connection.setNoDelay(true)
    app.connection.write(bytes(5))
    expect(peer.texts()).toEqual(['PA 31:5 ack 1'])
  })
  test('a reader that takes a few bytes at a time moves the window only when it is worth a segment (§3.8.6.2.2)', () => {
    const wire = new Wire(delayed(1), { tcp: { initialBufferBytes: 8192, maxBufferBytes: 8192 } })
    const app = new App(new Uint8Array(0), false)
    app.isPaused = true
    listenWith(wire, () => app)
    const peer = new Peer(wire)
    peer.open()
    for (let i = 0; i < 8; i++) peer.send({ seq: 1 + i * 1000, ack: 1, flags: 'A', data: bytes(1000) })
    expect(peer.receive().at(-1)).toMatchObject({ ack: 8001, window: 192 })
    const few = new Uint8Array(100)
    for (let i = 0; i < 9; i++) app.connection.read(few)
    expect(peer.texts()).toEqual([])
    peer.send({ seq: 8001, ack: 1, flags: 'A', data: bytes(100) })
    expect(peer.receive()[0]).toMatchObject({ ack: 8101, window: 92 })
    for (let i = 0; i < 11; i++) app.connection.read(few)
    expect(peer.receive()[0]).toMatchObject({ ack: 8101, window: 2092 })
  })
  test('our window opens in steps worth telling, and never shrinks (§3.8.6.2.2)', () => {
    const { peer, app } = opened()
    app.isPaused = true
    let edge = 0
    let at = 1
    for (let i = 0; i < 200; i++) {
      peer.send({ seq: at, ack: 1, flags: 'A', data: bytes(1000) })
      for (const { ack, window } of peer.receive()) {
        expect(ack + window).toBeGreaterThanOrEqual(edge)
        edge = ack + window
        at = ack
      }
    }
    // 256 KiB of buffer, told in 16 bits.
    expect(at).toBeGreaterThan(60_000)
  })
})

describe('retransmission', () => {
  test('after RTO, RTO * 2, RTO * 4 … and in the end ETIMEDOUT (RFC 6298 §5, RFC 9293 §3.8.3)', () => {
    const app = new App(bytes(10), false)
    const { peer, wire } = opened(app)
    const at: number[] = []
    for (let i = 0; i < 40 && !app.isClosed; i++) {
      for (const text of peer.texts()) {
        expect(text).toBe('PA 1:10 ack 1')
        at.push(wire.now)
      }
      peer.wait(300_000)
    }
    const gaps = at.slice(1).map((time, i) => time - at[i]!)
    expect(gaps.slice(0, 4)).toEqual([200, 400, 800, 1600])
    expect(Math.max(...gaps)).toBeLessThanOrEqual(120_000)
    expect(gaps.length).toBe(15)
    expect(app.error).toBe('ETIMEDOUT')
  })
  test('three duplicate ACKs bring the first segment again at once (RFC 5681 §3.2), others do not', () => {
    const app = new App(bytes(10_000), false)
    const { peer } = opened(app)
    expect(peer.receive().length).toBe(10)
    peer.send({ seq: 1, ack: 1, flags: 'A' })
    peer.send({ seq: 1, ack: 1, flags: 'A' })
    expect(peer.texts()).toEqual([])
    peer.send({ seq: 1, ack: 1, flags: 'A' })
    expect(peer.texts()).toEqual(['A 1:1000 ack 1'])
    // A partial ACK brings the next hole (RFC 6582 §3.2).
    peer.send({ seq: 1, ack: 3001, flags: 'A' })
    expect(peer.texts()).toEqual(['A 3001:1000 ack 1'])
    peer.send({ seq: 1, ack: 10_001, flags: 'A' })
    expect(peer.texts()).toEqual([])
  })
  test('with SACK only the holes are sent (RFC 6675)', () => {
    const app = new App(bytes(10_000), false)
    const { peer } = opened(app, [...MSS_1000, ...SACK_PERMITTED])
    expect(peer.receive().length).toBe(10)
    peer.send({ seq: 1, ack: 1, flags: 'A', options: [5, 18, ...sequencesOf(peer, 1001, 3001, 4001, 10_001)] })
    expect(peer.texts()).toEqual(['A 1:1000 ack 1', 'A 3001:1000 ack 1'])
  })
  test('a loss that a batch of ACKs tells of reduces the window, not what the batch left under way (RFC 9438 §4.6)', () => {
    const app = new App(bytes(100_000), false)
    const { peer } = opened(app, [...MSS_1000, ...SACK_PERMITTED])
    expect(peer.receive().length).toBe(10)
    peer.send({ seq: 1, ack: 6001, flags: 'A' })
    expect(app.connection.congestion.window).toBe(16_000)
    peer.send({ seq: 1, ack: 6001, flags: 'A', options: [5, 10, ...sequencesOf(peer, 7001, 10_001)] })
    expect(app.connection.inRecovery).toBe(true)
    expect(app.connection.congestion.threshold).toBe(16_000 * 0.7)
  })
  test('the loss of the last segment, which no block can show, is repaired once without a timeout (RFC 6675 §4, NextSeg 4)', () => {
    const app = new App(bytes(10_000), false)
    const { peer } = opened(app, [...MSS_1000, ...SACK_PERMITTED])
    peer.receive()
    peer.send({ seq: 1, ack: 1, flags: 'A', options: [5, 10, ...sequencesOf(peer, 1001, 9001)] })
    expect(peer.texts()).toEqual(['A 1:1000 ack 1', 'A 9001:1000 ack 1'])
  })
  test('after a timeout blocks are forgotten: the peer may have dropped what it had reported (RFC 2018 §8)', () => {
    const app = new App(bytes(3000), false)
    const { peer } = opened(app, [...MSS_1000, ...SACK_PERMITTED])
    expect(peer.receive().length).toBe(3)
    peer.send({ seq: 1, ack: 1, flags: 'A', options: [5, 10, ...sequencesOf(peer, 1001, 3001)] })
    expect(peer.texts()).toEqual([])
    peer.wait(1000)
    expect(peer.texts()).toEqual(['A 1:1000 ack 1'])
    peer.send({ seq: 1, ack: 1001, flags: 'A' })
    expect(peer.texts()).toEqual(['A 1001:1000 ack 1', 'PA 2001:1000 ack 1'])
  })
  test('blocks that lie outside of what was sent are not believed', () => {
    const app = new App(bytes(10_000), false)
    const { peer } = opened(app, [...MSS_1000, ...SACK_PERMITTED])
    peer.receive()
    peer.send({ seq: 1, ack: 1, flags: 'A', options: [5, 18, ...sequencesOf(peer, 5001, 90_001, 3001, 2001)] })
    peer.send({ seq: 1, ack: 1, flags: 'A', options: [5, 10, ...sequencesOf(peer, -5000, 1)] })
    expect(peer.texts()).toEqual([])
    expect(app.connection.scoreboard.bytes).toBe(0)
  })
  test('keep-alive: probes after idle time, nine without an answer end it (RFC 9293 §3.8.4)', () => {
    const { peer, app, wire } = opened()
    app.connection.setKeepAlive(10_000)
    const start = wire.now
    peer.wait(60_000)
    expect(peer.texts()).toEqual(['A 0:0 ack 1'])
    expect(wire.now - start).toBe(10_000)
    peer.send({ seq: 1, ack: 1, flags: 'A' })
    let probes = 0
    while (!app.isClosed) {
      peer.wait(60_000)
      probes += peer.texts().length
    }
    expect(probes).toBe(9)
    expect(app.error).toBe('ETIMEDOUT')
  })
})

test('initial sequence numbers differ between tuples and move on with time (RFC 6528)', () => {
  const wire = new Wire(delayed(1))
  const numberOf = (port: number): number => {
    const connection = wire.alice.connect(
      { remote: Uint8Array.of(10, 0, 0, 2), remotePort: port, localPort: 5000, handler: new App() },
      wire.now,
    )
    if (typeof connection === 'string') throw new Error(connection)
    connection.abort()
    return connection.iss
  }
  const first = numberOf(1)
  expect(Math.abs(first - numberOf(2))).toBeGreaterThan(1000)
  wire.now += 1000
  expect((numberOf(1) - first) | 0).toBe(250_000)
})

function sequences(peer: Peer, ...relative: number[]): number[] {
  return relative.flatMap((value) => bigEndian(peer.iss + value))
}

function sequencesOf(peer: Peer, ...relative: number[]): number[] {
  return relative.flatMap((value) => bigEndian(peer.irs + value))
}

function bigEndian(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]
}
