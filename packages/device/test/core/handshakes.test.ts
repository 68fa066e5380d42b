import { parseEndpoint } from '@wireweave/tunnel/ip'
import type { PresharedKey, PublicKey } from '@wireweave/tunnel/keys'
import { expect, test } from 'vitest'
import {
  COOKIE_REPLY,
  DATA,
  Host,
  INITIATION,
  packet4,
  Pair,
  RESPONSE,
  type Sent,
  withJitter,
  withMac1,
} from './harness.js'

/** An initiation of Alice that nobody has seen yet. */
function initiation(pair: Pair, now = 0): Uint8Array {
  pair.alice.device.down(now)
  pair.alice.device.up(now)
  pair.alice.wallClockMs += 1000
  pair.alice.send([packet4('10.0.0.1', '10.0.0.2', 40)], now)
  const sent = pair.alice.takeSent().find(({ bytes }) => bytes[0] === INITIATION)
  return sent!.bytes
}

function types(sent: readonly Sent[]): number[] {
  return sent.map(({ bytes }) => bytes[0]!)
}

/** Puts `host` under load with a flood of initiations that have a right mac1. */
function flood(host: Host, message: Uint8Array, from: Host, now: number, count = 512): void {
  for (let i = 0; i < count; i += 64) {
    host.receiveOnly(
      Array.from({ length: Math.min(64, count - i) }, () => ({ bytes: message, from: from.endpoint })),
      now,
    )
  }
}

test('handshake messages are marked AF41, cookie replies and keepalives are not', () => {
  const pair = new Pair()
  pair.connect()
  expect(pair.wire.map(({ type, trafficClass }) => [type, trafficClass])).toEqual([
    [INITIATION, 0x88],
    [RESPONSE, 0x88],
    [DATA, 0],
  ])
  const message = initiation(pair, 10)
  flood(pair.bob, message, pair.alice, 10)
  pair.bob.processHandshakes(10, 1)
  expect(pair.bob.takeSent().map(({ bytes, trafficClass }) => [bytes[0], trafficClass])).toEqual([[COOKIE_REPLY, 0]])
})

test('a handshake message with a wrong mac1 is dropped without an answer, whatever byte differs', () => {
  const pair = new Pair()
  const message = initiation(pair)
  for (const at of [4, 8, 40, 116, 131]) {
    const forged = message.slice()
    forged[at]! ^= 1
    pair.bob.receive(forged, pair.alice.endpoint, 0)
  }
  expect(pair.bob.device.stats.drops.badMac1).toBe(5)
  expect(pair.bob.takeSent()).toEqual([])
  expect(pair.bob.events).toEqual([{ tag: 'peerAdded', peer: pair.alice.publicKey }])
})

test('mac2 is not looked at while there is no load', () => {
  const pair = new Pair()
  const message = initiation(pair)
  message.fill(0xee, 132)
  pair.bob.receive(message, pair.alice.endpoint, 0)
  expect(types(pair.bob.takeSent())).toEqual([RESPONSE])
})

test('an initiation that was accepted is not accepted again, nor is an older one', () => {
  const pair = new Pair()
  const old = initiation(pair)
  const young = initiation(pair)
  pair.bob.receive(young, pair.alice.endpoint, 1000)
  expect(types(pair.bob.takeSent())).toEqual([RESPONSE])
  pair.bob.receive(young, pair.alice.endpoint, 2000)
  pair.bob.receive(old, pair.alice.endpoint, 3000)
  expect(pair.bob.takeSent()).toEqual([])
  expect(pair.bob.device.stats.drops.staleTimestamp).toBe(2)
})

test('an initiation played back from elsewhere moves no endpoint and is told once a minute', () => {
  const pair = new Pair()
  const message = initiation(pair)
  pair.bob.receive(message, pair.alice.endpoint, 0)
  pair.bob.takeSent()
  pair.bob.events.length = 0
  for (let at = 100; at < 60_000; at += 1000) pair.bob.receive(message, parseEndpoint('203.0.113.9:9')!, at)
  expect(pair.bob.device.snapshot().peers[0]!.endpoint).toEqual(pair.alice.endpoint)
  expect(pair.bob.tags()).toEqual(['log'])
  pair.bob.receive(message, parseEndpoint('203.0.113.9:9')!, 60_200)
  expect(pair.bob.tags()).toEqual(['log', 'log'])
})

test('at most 50 initiations a second are accepted from one peer', () => {
  const pair = new Pair()
  const messages = Array.from({ length: 6 }, () => initiation(pair))
  const at = [0, 19.9, 20, 39, 40, 60]
  messages.forEach((message, i) => pair.bob.receive(message, pair.alice.endpoint, at[i]!))
  expect(types(pair.bob.takeSent())).toEqual([RESPONSE, RESPONSE, RESPONSE, RESPONSE])
  expect(pair.bob.device.stats.drops.initiationFlood).toBe(2)
})

test('a peer whose wall clock was set back is still accepted', () => {
  const pair = new Pair()
  pair.bob.receive(initiation(pair), pair.alice.endpoint, 0)
  pair.bob.takeSent()
  pair.alice.wallClockMs -= 3600_000
  pair.bob.receive(initiation(pair), pair.alice.endpoint, 1000)
  expect(types(pair.bob.takeSent())).toEqual([RESPONSE])
})

test('adding a peer anew forgets the timestamp it had, so that a peer with a clock once ahead can come back', () => {
  const pair = new Pair()
  pair.alice.wallClockMs += 10 * 365 * 86400_000
  pair.bob.receive(initiation(pair), pair.alice.endpoint, 0)
  pair.bob.takeSent()
  const restarted = new Host('192.0.2.1:1000')
  restarted.apply({ privateKey: pair.alice.privateKey }, 0)
  restarted.addPeer(pair.bob, 0, { persistentKeepaliveInterval: 25 })
  restarted.up(0)
  const [message] = restarted.takeSent()
  pair.bob.receive(message!.bytes, pair.alice.endpoint, 1000)
  expect(pair.bob.takeSent()).toEqual([])
  pair.bob.apply({ peers: [{ publicKey: pair.alice.publicKey, remove: true }] }, 2000)
  pair.bob.addPeer(pair.alice, 2000)
  pair.bob.receive(message!.bytes, pair.alice.endpoint, 2000)
  expect(types(pair.bob.takeSent())).toEqual([RESPONSE])
})

test('an initiation from a key that is no peer is counted and not answered', () => {
  const pair = new Pair()
  pair.bob.apply({ peers: [{ publicKey: pair.alice.publicKey, remove: true }] }, 0)
  pair.bob.receive(initiation(pair), pair.alice.endpoint, 0)
  expect(pair.bob.device.stats.drops.unknownPeer).toBe(1)
  expect(pair.bob.takeSent()).toEqual([])
})

test('a response is accepted up to the moment at which the initiation is sent again', () => {
  const pair = new Pair(withJitter(0))
  pair.ping()
  const [sent] = pair.alice.takeSent()
  pair.bob.receive(sent!.bytes, pair.alice.endpoint, 0)
  const [response] = pair.bob.takeSent()
  pair.alice.advance(4999)
  pair.alice.receive(response!.bytes, pair.bob.endpoint, 4999)
  expect(pair.alice.tags()).toContain('sessionEstablished')
})

test('a response is accepted once, and only for the handshake in progress', () => {
  const pair = new Pair()
  pair.ping()
  const [sent] = pair.alice.takeSent()
  pair.bob.receive(sent!.bytes, pair.alice.endpoint, 0)
  const [response] = pair.bob.takeSent()
  pair.alice.receive(response!.bytes, pair.bob.endpoint, 0)
  pair.alice.takeSent()
  pair.alice.receive(response!.bytes, parseEndpoint('203.0.113.9:9')!, 1)
  expect(pair.alice.device.stats.drops.unknownIndex).toBe(1)
  expect(pair.alice.takeSent()).toEqual([])
  expect(pair.alice.device.snapshot().peers[0]!.endpoint).toEqual(pair.bob.endpoint)
})

test('a forged response leaves the handshake waiting for the right one', () => {
  const pair = new Pair()
  pair.ping()
  const [sent] = pair.alice.takeSent()
  pair.bob.receive(sent!.bytes, pair.alice.endpoint, 0)
  const [response] = pair.bob.takeSent()
  // Ephemeral and tag. (The sender index is covered by mac1 only: a wrong one makes a session that nobody answers.)
  for (const at of [12, 44, 59]) {
    const forged = response!.bytes.slice()
    forged[at]! ^= 1
    pair.alice.receive(withMac1(forged, pair.alice.publicKey), parseEndpoint('203.0.113.9:9')!, 0)
  }
  expect(pair.alice.device.stats.drops.badHandshake).toBe(3)
  expect(pair.alice.tags()).not.toContain('sessionEstablished')
  pair.alice.receive(response!.bytes, pair.bob.endpoint, 0)
  expect(pair.alice.tags()).toContain('sessionEstablished')
  expect(pair.alice.device.snapshot().peers[0]!.endpoint).toEqual(pair.bob.endpoint)
})

test('a response to the index of a keypair is none to the handshake in progress', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.connect()
  const keypairIndex = pair.wire[0]!.bytes.subarray(4, 8)
  pair.now = 120_000
  pair.ping()
  const message = pair.alice.takeSent().find(({ bytes }) => bytes[0] === INITIATION)!
  pair.bob.receive(message.bytes, pair.alice.endpoint, pair.now)
  const response = pair.bob.takeSent().find(({ bytes }) => bytes[0] === RESPONSE)!.bytes
  response.set(keypairIndex, 8)
  pair.alice.receive(withMac1(response, pair.alice.publicKey), pair.bob.endpoint, pair.now)
  expect(pair.alice.device.stats.drops.unknownIndex).toBe(1)
})

test('the endpoint of a peer is where its initiation or its response came from', () => {
  const pair = new Pair()
  const [a, b] = [parseEndpoint('203.0.113.1:1')!, parseEndpoint('203.0.113.2:2')!]
  pair.ping()
  pair.bob.receive(pair.alice.takeSent()[0]!.bytes, a, 0)
  const [response] = pair.bob.takeSent()
  expect(response!.to).toEqual(a)
  pair.alice.receive(response!.bytes, b, 0)
  expect(pair.alice.takeSent()[0]!.to).toEqual(b)
  expect(pair.bob.device.snapshot().peers[0]!.endpoint).toEqual(a)
})

test('indices in use are those of the handshake in progress and of the keypairs', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.drop = () => true
  pair.ping()
  pair.advanceTo(12_000)
  expect([pair.count(INITIATION), pair.alice.device.load.indices]).toEqual([3, 1])
  pair.drop = () => false
  for (let round = 0; round < 5; round++) {
    pair.advanceTo(pair.now + 121_000)
    pair.ping()
    pair.exchange()
    pair.ping()
    pair.exchange()
  }
  // Current and previous.
  expect([pair.alice.device.load.indices, pair.bob.device.load.indices]).toEqual([2, 2])
  // Initiations that nobody confirms leave one that waits.
  for (let round = 0; round < 5; round++)
    pair.bob.receive(initiation(pair, pair.now), pair.alice.endpoint, (pair.now += 100))
  expect(pair.bob.device.load.indices).toBe(2)
})

test('a response of low order is dropped', () => {
  const pair = new Pair()
  pair.ping()
  const [sent] = pair.alice.takeSent()
  pair.bob.receive(sent!.bytes, pair.alice.endpoint, 0)
  const forged = pair.bob.takeSent()[0]!.bytes.slice()
  forged.fill(0, 12, 44)
  pair.alice.receive(withMac1(forged, pair.alice.publicKey), pair.bob.endpoint, 0)
  expect(pair.alice.device.stats.drops.badHandshake).toBe(1)
})

test('the wrong preshared key brings no session about, the right one does', () => {
  const presharedKey = new Uint8Array(32).fill(7) as PresharedKey
  const pair = new Pair({}, {}, presharedKey)
  pair.bob.apply({ peers: [{ publicKey: pair.alice.publicKey, presharedKey: null }] }, 0)
  pair.ping()
  pair.exchange()
  expect(pair.alice.device.stats.drops.badHandshake).toBe(1)
  expect(pair.bob.delivered).toEqual([])
  pair.bob.apply({ peers: [{ publicKey: pair.alice.publicKey, presharedKey }] }, 0)
  pair.advanceTo(10_000)
  expect(pair.bob.delivered).toHaveLength(1)
})

const LOW_ORDER_POINTS = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]

test('a low-order public key can be configured, but nothing is ever sent to it', () => {
  const host = new Host('192.0.2.1:1000')
  const peers = LOW_ORDER_POINTS.map((hex, i) => ({
    publicKey: Uint8Array.from(hex.match(/../g)!, (byte) => Number.parseInt(byte, 16)) as PublicKey,
    endpoint: parseEndpoint('192.0.2.2:2000')!,
    persistentKeepaliveInterval: 1,
    allowedIps: [{ address: Uint8Array.of(10, 0, 0, i), length: 32 }],
  }))
  host.apply({ peers }, 0)
  host.up(0)
  for (let at = 0; at < 20_000; at += 500) {
    host.send(
      peers.map((_, i) => packet4('10.0.1.1', `10.0.0.${i}`, 40)),
      at,
    )
    host.advance(at)
  }
  expect(host.takeSent()).toEqual([])
  expect(host.device.snapshot().peers).toHaveLength(7)
  expect(host.device.load.indices).toBe(0)
})

test('under load an initiation without a cookie is answered with one and costs nothing else', () => {
  const pair = new Pair()
  const message = initiation(pair)
  flood(pair.bob, message, pair.alice, 0)
  pair.bob.processHandshakes(0, 512)
  const sent = pair.bob.takeSent()
  expect(sent).toHaveLength(512)
  expect(new Set(types(sent))).toEqual(new Set([COOKIE_REPLY]))
  expect(sent[0]!.to).toEqual(pair.alice.endpoint)
  expect(sent[0]!.bytes.subarray(4, 8)).toEqual(message.subarray(4, 8))
  expect(new Set(sent.map(({ bytes }) => bytes.subarray(8, 32).join())).size).toBe(512)
  expect(pair.bob.tags().filter((tag) => tag !== 'cookieReplySent')).toEqual(['peerAdded'])
})

test('a cookie reply between two datagrams to a peer does not take the second with it', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.connect()
  const message = withMac1(pair.wire[0]!.bytes, pair.bob.publicKey)
  const elsewhere = parseEndpoint('203.0.113.9:9')!
  flood(pair.bob, message, pair.alice, 0)
  pair.bob.processHandshakes(0)
  pair.bob.takeSent()
  const { drain } = pair.bob
  pair.bob.drain = () => {}
  pair.pong()
  pair.bob.receive(message, elsewhere, 0)
  pair.pong()
  drain.call(pair.bob)
  const sent = pair.bob.takeSent()
  expect(types(sent)).toEqual([DATA, COOKIE_REPLY, DATA])
  expect(sent.map(({ to }) => to)).toEqual([pair.alice.endpoint, elsewhere, pair.alice.endpoint])
})

test('one message fewer in the queue is no load', () => {
  const pair = new Pair()
  const message = initiation(pair)
  flood(pair.bob, message, pair.alice, 0, 511)
  pair.bob.processHandshakes(0, 1)
  expect(types(pair.bob.takeSent())).toEqual([RESPONSE])
})

test('load lasts for one second after the last moment that the queue was long', () => {
  const pair = new Pair()
  const message = initiation(pair)
  flood(pair.bob, message, pair.alice, 0)
  pair.bob.processHandshakes(0)
  pair.bob.takeSent()
  pair.bob.receive(message, pair.alice.endpoint, 999)
  expect(types(pair.bob.takeSent())).toEqual([COOKIE_REPLY])
  pair.bob.receive(message, pair.alice.endpoint, 1000)
  expect(types(pair.bob.takeSent())).toEqual([RESPONSE])
})

test('with the cookie the next initiation gets through a loaded responder', () => {
  const pair = new Pair(withJitter(0))
  pair.ping()
  const [first] = pair.alice.takeSent()
  flood(pair.bob, first!.bytes, pair.alice, 0)
  pair.bob.processHandshakes(0)
  const [reply] = pair.bob.takeSent()
  const before = pair.alice.device.nextDeadline()
  pair.alice.receive(reply!.bytes, pair.bob.endpoint, 0)
  // The cookie waits for the next message: nothing is sent at once and no timer moves.
  expect(pair.alice.takeSent()).toEqual([])
  expect(pair.alice.device.nextDeadline()).toEqual(before)
  expect(pair.alice.tags()).toContain('cookieReplyReceived')
  pair.alice.advance(5000)
  const [second] = pair.alice.takeSent()
  expect(second!.bytes.subarray(132)).not.toEqual(new Uint8Array(16))
  flood(pair.bob, first!.bytes, pair.alice, 5000, 512)
  pair.bob.processHandshakes(5000)
  pair.bob.takeSent()
  pair.bob.receive(second!.bytes, pair.alice.endpoint, 5001)
  expect(types(pair.bob.takeSent())).toEqual([RESPONSE])
})

test('a cookie is good for the address and port it was given to, and for no other', () => {
  const pair = new Pair(withJitter(0))
  pair.ping()
  const [first] = pair.alice.takeSent()
  flood(pair.bob, first!.bytes, pair.alice, 0)
  pair.bob.processHandshakes(0)
  pair.alice.receive(pair.bob.takeSent()[0]!.bytes, pair.bob.endpoint, 0)
  pair.alice.advance(5000)
  const [second] = pair.alice.takeSent()
  flood(pair.bob, first!.bytes, pair.alice, 5000, 512)
  pair.bob.processHandshakes(5000)
  pair.bob.takeSent()
  for (const elsewhere of ['192.0.2.1:1001', '192.0.2.3:1000', '[2001:db8::1]:1000']) {
    pair.bob.receive(second!.bytes, parseEndpoint(elsewhere)!, 5001)
    expect(types(pair.bob.takeSent())).toEqual([COOKIE_REPLY])
  }
  pair.bob.receive(second!.bytes, pair.alice.endpoint, 5001)
  expect(types(pair.bob.takeSent())).toEqual([RESPONSE])
})

test('under load a source with a cookie gets 20 messages a second answered and 5 at once, the rest is dropped silently', () => {
  const pair = new Pair(withJitter(0))
  pair.ping()
  const [first] = pair.alice.takeSent()
  flood(pair.bob, first!.bytes, pair.alice, 0)
  pair.bob.processHandshakes(0)
  pair.alice.receive(pair.bob.takeSent()[0]!.bytes, pair.bob.endpoint, 0)
  pair.alice.advance(5000)
  const [second] = pair.alice.takeSent()
  flood(pair.bob, second!.bytes, pair.alice, 5000, 600)
  pair.bob.processHandshakes(5000)
  // One new, four played back; then silence for the others.
  expect(types(pair.bob.takeSent())).toEqual([RESPONSE])
  expect(pair.bob.device.stats.drops).toMatchObject({ staleTimestamp: 4, rateLimited: 595 })
})

test('a cookie reply moves no endpoint, and one that is forged or played back changes nothing', () => {
  const pair = new Pair(withJitter(0))
  pair.ping()
  const [first] = pair.alice.takeSent()
  flood(pair.bob, first!.bytes, pair.alice, 0)
  pair.bob.processHandshakes(0)
  const [reply, another] = pair.bob.takeSent()
  const forged = reply!.bytes.slice()
  forged[40]! ^= 1
  const elsewhere = parseEndpoint('203.0.113.9:9')!
  pair.alice.receive(forged, elsewhere, 0)
  expect(pair.alice.tags()).not.toContain('cookieReplyReceived')
  pair.alice.receive(reply!.bytes, elsewhere, 0)
  expect(pair.alice.tags()).toContain('cookieReplyReceived')
  expect(pair.alice.device.snapshot().peers[0]!.endpoint).toEqual(pair.bob.endpoint)
  expect(pair.alice.device.snapshot().peers[0]!.rxBytes).toBe(0n)
  pair.alice.receive(reply!.bytes, elsewhere, 1)
  pair.alice.receive(another!.bytes, elsewhere, 1)
  expect(pair.alice.device.stats.drops.badCookieReply).toBe(3)
})

test('a cookie older than 120 s is not accepted: the secret it was made with is gone', () => {
  const pair = new Pair(withJitter(0))
  pair.ping()
  const [first] = pair.alice.takeSent()
  flood(pair.bob, first!.bytes, pair.alice, 0)
  pair.bob.processHandshakes(0)
  pair.alice.receive(pair.bob.takeSent()[0]!.bytes, pair.bob.endpoint, 0)
  pair.alice.advance(5000)
  const [second] = pair.alice.takeSent()
  flood(pair.bob, first!.bytes, pair.alice, 120_000)
  pair.bob.processHandshakes(120_000)
  pair.bob.takeSent()
  pair.bob.receive(second!.bytes, pair.alice.endpoint, 120_001)
  expect(types(pair.bob.takeSent())).toEqual([COOKIE_REPLY])
})

test('the handshake queue holds 4096 messages and counts what does not fit', () => {
  const pair = new Pair()
  flood(pair.bob, initiation(pair), pair.alice, 0, 4160)
  expect(pair.bob.device.stats.drops.handshakeQueueFull).toBe(64)
  expect(pair.bob.device.nextDeadline()).toEqual({ at: 0, reason: 'handshakeQueue', peer: null })
  pair.bob.processHandshakes(0)
  expect(pair.bob.device.stats.cookieRepliesSent).toBe(4096)
})

test('a message that finds the queue full is dropped unseen: it costs no MAC', () => {
  const pair = new Pair()
  const message = initiation(pair)
  flood(pair.bob, message, pair.alice, 0, 4096)
  message[4]! ^= 1
  flood(pair.bob, message, pair.alice, 0, 64)
  expect(pair.bob.device.stats.drops).toMatchObject({ handshakeQueueFull: 64, badMac1: 0 })
})

test('a flood of handshake messages does not hold up data', () => {
  const pair = new Pair()
  pair.connect()
  const packet = packet4('10.0.0.1', '10.0.0.2', 60)
  pair.alice.send([packet], 10)
  const [data] = pair.alice.takeSent()
  flood(pair.bob, initiation(pair, 10), pair.alice, 10, 4096)
  pair.bob.receiveOnly([{ bytes: data!.bytes, from: pair.alice.endpoint }], 10)
  expect(pair.bob.delivered.at(-1)).toEqual(packet)
})
