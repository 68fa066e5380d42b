import { expect, test } from 'vitest'
import { DATA, INITIATION, KEEPALIVE_BYTES, packet4, Pair, RESPONSE, withJitter } from './harness.js'

const MINUTE = 60_000

/** Alice has a session with Bob since time 0, both sides confirmed, and every timer of that is over but the long ones. */
function connected(): Pair {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.connect()
  pair.pong()
  pair.exchange()
  pair.ping()
  pair.exchange()
  pair.advanceTo(30_000)
  pair.wire.length = 0
  pair.alice.events.length = 0
  pair.bob.events.length = 0
  return pair
}

function reasons(pair: Pair): (string | undefined)[] {
  return [pair.alice.device.nextDeadline()?.reason, pair.bob.device.nextDeadline()?.reason]
}

test('a device without sessions has no deadline, up or down', () => {
  const pair = new Pair()
  expect(pair.alice.device.nextDeadline()).toBe(null)
  pair.alice.device.down(0)
  expect(pair.alice.device.nextDeadline()).toBe(null)
})

test('a deadline tells when, what for and for whom', () => {
  const pair = new Pair(withJitter(100))
  pair.ping()
  expect(pair.alice.device.nextDeadline()).toEqual({
    at: 5100,
    reason: 'retransmitHandshake',
    peer: pair.bob.publicKey,
  })
})

test('two peers that have nothing to say fall silent, and wipe their keys after 540 s', () => {
  const pair = connected()
  expect(reasons(pair)).toEqual(['zeroKeyMaterial', 'zeroKeyMaterial'])
  expect(pair.alice.device.nextDeadline()!.at).toBe(540_000)
  pair.advanceTo(20 * MINUTE)
  expect(pair.wire).toEqual([])
  expect(reasons(pair)).toEqual([undefined, undefined])
  expect(pair.alice.tags()).toEqual(['keysZeroed'])
  expect(pair.alice.device.load.indices).toBe(0)
  expect(pair.bob.device.load.indices).toBe(0)
})

test('ZERO_KEY_MATERIAL: every session derived puts it off', () => {
  const pair = connected()
  pair.advanceTo(130_000)
  pair.ping()
  pair.exchange()
  expect(pair.count(RESPONSE)).toBe(1)
  pair.advanceTo(600_000)
  expect(pair.alice.tags()).not.toContain('keysZeroed')
  pair.advanceTo(670_000)
  expect(pair.alice.tags()).toContain('keysZeroed')
})

test('REKEY_AFTER_TIME: the initiator that sends after 120 s starts a new handshake, and goes on with the old key meanwhile', () => {
  const pair = connected()
  pair.advanceTo(119_999)
  pair.ping()
  pair.exchange()
  expect(pair.count(INITIATION)).toBe(0)
  pair.advanceTo(120_000)
  pair.ping()
  expect(pair.alice.takeSent().map(({ bytes }) => bytes[0])).toEqual([DATA, INITIATION])
})

test('REKEY_AFTER_TIME: the responder never rekeys on time', () => {
  const pair = connected()
  pair.advanceTo(179_000)
  pair.pong()
  expect(pair.bob.takeSent().map(({ bytes }) => bytes[0])).toEqual([DATA])
})

test('REJECT_AFTER_TIME: after 180 s a keypair does not send: packets wait and a handshake starts', () => {
  const pair = connected()
  pair.advanceTo(179_999)
  pair.pong()
  expect(pair.bob.takeSent()).toHaveLength(1)
  pair.advanceTo(180_000)
  const packet = pair.pong()
  const sent = pair.bob.takeSent()
  expect(sent.map(({ bytes }) => bytes[0])).toEqual([INITIATION])
  pair.alice.receive(sent[0]!.bytes, pair.bob.endpoint, pair.now)
  pair.exchange()
  expect(pair.alice.delivered.at(-1)).toEqual(packet)
})

test('REJECT_AFTER_TIME: after 180 s a keypair does not receive', () => {
  const pair = connected()
  pair.advanceTo(100_000)
  const packet = packet4('10.0.0.1', '10.0.0.2', 40)
  pair.alice.send([packet, packet], pair.now)
  const [first, second] = pair.alice.takeSent()
  const { delivered, device } = pair.bob
  delivered.length = 0
  pair.bob.receive(first!.bytes, pair.alice.endpoint, 179_999)
  expect(delivered).toHaveLength(1)
  pair.bob.receive(second!.bytes, pair.alice.endpoint, 180_000)
  expect(delivered).toHaveLength(1)
  expect(device.stats.drops.expiredKeypair).toBe(1)
})

test('REKEY_TIMEOUT: an unanswered initiation is sent again after 5 s and up to 333 ms of jitter', () => {
  for (const jitter of [0, 333]) {
    const pair = new Pair(withJitter(jitter))
    pair.drop = () => true
    pair.ping()
    pair.advanceTo(16_000)
    expect(pair.times(INITIATION)).toEqual([0, 5000 + jitter, 10_000 + 2 * jitter, 15_000 + 3 * jitter])
    const indices = pair.wire.map(({ bytes }) => bytes.subarray(4, 8).join())
    const ephemerals = pair.wire.map(({ bytes }) => bytes.subarray(8, 40).join())
    expect(new Set(indices).size).toBe(4)
    expect(new Set(ephemerals).size).toBe(4)
  }
})

test('REKEY_TIMEOUT: however much data waits, one initiation is sent in 5 s', () => {
  const pair = new Pair(withJitter(0))
  pair.drop = () => true
  for (let at = 0; at < 5000; at += 100) {
    pair.advanceTo(at)
    pair.ping()
  }
  pair.exchange()
  expect(pair.count(INITIATION)).toBe(1)
})

test('REKEY_TIMEOUT: a response counts as a handshake sent', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.drop = (from, type) => from === pair.alice && type === DATA
  pair.connect()
  // Bob answered at 0 and may not send with the unconfirmed key; his own initiation has to wait.
  pair.advanceTo(1000)
  pair.pong()
  pair.exchange()
  expect(pair.count(INITIATION, pair.bob)).toBe(0)
  pair.advanceTo(5000)
  expect(pair.times(INITIATION, pair.bob)).toEqual([5000])
})

test('REKEY_ATTEMPT_TIME: after 20 initiations a peer gives up, drops what waited and stops', () => {
  const pair = new Pair(withJitter(0))
  pair.drop = () => true
  pair.ping()
  pair.advanceTo(99_999)
  expect(pair.alice.device.load).toMatchObject({ indices: 1, waitingPeers: 1 })
  pair.advanceTo(100_000)
  expect(pair.alice.device.load).toMatchObject({ waitingPeers: 0, stagedBytes: 0 })
  expect(pair.alice.device.stats.drops.stagedExpired).toBe(1)
  pair.advanceTo(30 * MINUTE)
  expect(pair.times(INITIATION)).toEqual(Array.from({ length: 20 }, (_, i) => i * 5000))
  expect(pair.alice.events).toContainEqual({ tag: 'handshakeGaveUp', peer: pair.bob.publicKey, attempts: 20 })
  // The key material of before is wiped 540 s after that.
  expect(pair.alice.events.at(-1)).toEqual({ tag: 'keysZeroed', peer: pair.bob.publicKey, seconds: 540 })
  expect(pair.alice.device.nextDeadline()).toBe(null)
})

test('REKEY_ATTEMPT_TIME: giving up stops the keepalive that was due', () => {
  const pair = connected()
  pair.drop = (from) => from === pair.alice
  pair.advanceTo(45_000)
  pair.ping()
  // Initiations from 60 s to 155 s; what Bob sends with the key there is still wants an answer 10 s later.
  pair.advanceTo(157_000)
  pair.pong()
  pair.advanceTo(159_999)
  expect(pair.alice.tags()).not.toContain('handshakeGaveUp')
  expect(pair.alice.device.nextDeadline()).toMatchObject({ at: 160_000, reason: 'retransmitHandshake' })
  pair.advanceTo(160_000)
  expect(pair.alice.tags()).toContain('handshakeGaveUp')
  // Nothing but wiping the keys is left to do, 540 s after the last session: giving up does not put that off.
  expect(pair.alice.device.nextDeadline()).toMatchObject({ at: 540_000, reason: 'zeroKeyMaterial' })
})

test('new data while a handshake is retried starts the count of attempts again', () => {
  const pair = new Pair(withJitter(0))
  pair.drop = () => true
  pair.ping()
  pair.advanceTo(52_000)
  pair.ping()
  pair.advanceTo(30 * MINUTE)
  // Ten by then, one pending, and twenty from there, less the first, whose place the pending one takes.
  expect(pair.count(INITIATION)).toBe(30)
})

/** Alice has heard Bob at her address 192.0.2.1, and nobody hears her from now on. */
function withLocalAddress(at: number): Pair {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.connect()
  pair.bob.send([packet4('10.0.0.2', '10.0.0.1', 40)], 0)
  pair.alice.receive(pair.bob.takeSent()[0]!.bytes, pair.bob.endpoint, 0, { local: '192.0.2.1' })
  pair.advanceTo(at)
  pair.drop = () => true
  pair.ping()
  expect([...pair.alice.takeSent()[0]!.record.subarray(24, 28)]).toEqual([192, 0, 2, 1])
  return pair
}

test('a handshake that is tried again forgets the local address', () => {
  const pair = withLocalAddress(200_000)
  pair.alice.advance(205_000)
  expect([...pair.alice.takeSent()[0]!.record.subarray(24, 48)]).toEqual(new Array(24).fill(0))
})

test('so does one for want of an answer', () => {
  const pair = withLocalAddress(50_000)
  pair.alice.advance(65_000)
  expect([...pair.alice.takeSent()[0]!.record.subarray(24, 48)]).toEqual(new Array(24).fill(0))
})

test('KEEPALIVE_TIMEOUT: who received data and sent nothing for 10 s sends one keepalive', () => {
  const pair = connected()
  pair.ping()
  pair.advanceTo(39_999)
  expect(pair.keepalives(pair.bob)).toEqual([])
  pair.advanceTo(5 * MINUTE)
  expect(pair.keepalives(pair.bob)).toEqual([40_000])
})

test('KEEPALIVE_TIMEOUT: data received while one is due earns another, 10 s later', () => {
  const pair = connected()
  pair.ping()
  pair.advanceTo(35_000)
  pair.ping()
  pair.advanceTo(36_000)
  pair.ping()
  pair.advanceTo(100_000)
  expect(pair.keepalives(pair.bob)).toEqual([40_000, 50_000])
})

test('KEEPALIVE_TIMEOUT: any authenticated packet sent makes a keepalive needless', () => {
  const pair = connected()
  pair.ping()
  pair.advanceTo(39_000)
  pair.pong()
  pair.advanceTo(48_999)
  expect(pair.keepalives(pair.bob)).toEqual([])
})

test('a keepalive is never answered with a keepalive', () => {
  const pair = connected()
  pair.ping()
  pair.advanceTo(10 * MINUTE)
  expect(pair.keepalives(pair.bob)).toHaveLength(1)
  expect(pair.keepalives(pair.alice)).toEqual([])
})

test('new handshake: data that nothing answers for 15 s and jitter brings one about', () => {
  for (const jitter of [0, 333]) {
    const pair = new Pair(withJitter(jitter), withJitter(jitter))
    pair.connect()
    pair.advanceTo(30_000)
    pair.wire.length = 0
    pair.drop = (from) => from === pair.alice
    pair.ping()
    pair.advanceTo(35_000)
    pair.ping()
    pair.advanceTo(45_000 + jitter)
    expect(pair.times(INITIATION)).toEqual([45_000 + jitter])
    expect(pair.alice.tags()).toContain('newHandshakeTimer')
  }
})

test('new handshake: any authenticated packet received calls it off', () => {
  const pair = connected()
  pair.ping()
  pair.exchange()
  expect(pair.alice.device.nextDeadline()!.reason).toBe('newHandshake')
  // Bob's keepalive after 10 s is enough.
  pair.advanceTo(100_000)
  expect(pair.count(INITIATION)).toBe(0)
})

test('new handshake: a keepalive is nothing that has to be answered', () => {
  const pair = connected()
  pair.drop = (from) => from === pair.bob
  pair.ping()
  pair.exchange()
  pair.advanceTo(40_000)
  expect(pair.keepalives(pair.bob)).toEqual([40_000])
  expect(pair.bob.device.nextDeadline()!.reason).toBe('zeroKeyMaterial')
})

test('new handshake: the answer to what was received while no key was confirmed keeps its timer', () => {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.drop = (from, type) => from === pair.alice && type === DATA
  pair.connect()
  pair.pong()
  pair.drop = (from, type) => from === pair.bob && type === DATA
  // Alice's data confirms the key; what Bob had waiting goes out then, and is lost.
  pair.ping()
  pair.exchange()
  expect(pair.bob.device.nextDeadline()).toMatchObject({ at: 15_000, reason: 'newHandshake' })
})

test('last minute: an initiator that only receives starts a handshake after 165 s, once', () => {
  const pair = connected()
  pair.drop = (_from, type) => type === INITIATION
  pair.advanceTo(164_999)
  pair.pong()
  pair.exchange()
  expect(pair.count(INITIATION)).toBe(0)
  pair.now = 165_000
  pair.pong()
  pair.exchange()
  expect(pair.times(INITIATION, pair.alice)).toEqual([165_000])
  // Also when it would be time for another, but for the timer that retransmits.
  for (let at = 165_100; at < 179_000; at += 500) {
    pair.now = at
    pair.pong()
    pair.exchange()
  }
  expect(pair.count(INITIATION)).toBe(1)
})

test('last minute: the next keypair has one of its own', () => {
  const pair = connected()
  for (const at of [165_000, 165_000 + 165_000]) {
    pair.now = at
    pair.pong()
    pair.exchange()
  }
  expect(pair.times(INITIATION, pair.alice)).toEqual([165_000, 330_000])
})

test('last minute: the responder leaves it to the initiator', () => {
  const pair = connected()
  pair.now = 170_000
  const packet = packet4('10.0.0.1', '10.0.0.2', 40)
  pair.alice.send([packet], 119_000)
  pair.bob.receive(pair.alice.takeSent()[0]!.bytes, pair.alice.endpoint, 170_000)
  expect(pair.bob.takeSent()).toEqual([])
})

test('persistent keepalive: sent at once when it is turned on, then whenever nothing passed for the interval', () => {
  const pair = connected()
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 25 }] }, pair.now)
  pair.advanceTo(80_000)
  expect(pair.keepalives(pair.alice)).toEqual([30_000, 55_000, 80_000])
})

test('persistent keepalive: traffic in either direction puts it off', () => {
  const pair = connected()
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 25 }] }, pair.now)
  pair.advanceTo(50_000)
  pair.pong()
  pair.advanceTo(52_000)
  pair.ping()
  pair.advanceTo(76_999)
  expect(pair.keepalives(pair.alice)).toEqual([30_000])
  pair.advanceTo(90_000)
  // Bob's own keepalive for Alice's data passed at 62 s.
  expect(pair.keepalives(pair.alice)).toEqual([30_000, 87_000])
})

test('persistent keepalive: an interface that comes up sends one at once, which starts a handshake', () => {
  const pair = new Pair()
  pair.alice.device.down(0)
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 25 }] }, 0)
  expect(pair.alice.takeSent()).toEqual([])
  pair.alice.up(10)
  pair.exchange()
  expect(pair.wire.map(({ type }) => type)).toEqual([INITIATION, RESPONSE, DATA])
  expect(pair.wire[2]!.bytes).toHaveLength(KEEPALIVE_BYTES)
})

test('persistent keepalive: 0 turns it off, and a shorter interval holds at once', () => {
  const pair = connected()
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 1000 }] }, pair.now)
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 10 }] }, pair.now)
  pair.advanceTo(45_000)
  expect(pair.keepalives(pair.alice)).toEqual([30_000, 40_000])
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 0 }] }, pair.now)
  expect(pair.alice.device.nextDeadline()!.reason).toBe('zeroKeyMaterial')
})

test('persistent keepalive: goes on for as long as the peer is away', () => {
  const pair = new Pair(withJitter(0))
  pair.drop = () => true
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 1 }] }, 0)
  pair.advanceTo(10 * MINUTE)
  expect(pair.times(INITIATION)).toEqual(Array.from({ length: 121 }, (_, i) => i * 5000))
})

test('persistent keepalive: a peer without an endpoint needs no wake-ups', () => {
  const pair = new Pair()
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, remove: true }] }, 0)
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 1 }] }, 0)
  expect(pair.alice.device.nextDeadline()).toBe(null)
  pair.alice.apply(
    { peers: [{ publicKey: pair.bob.publicKey, endpoint: pair.bob.endpoint, persistentKeepaliveInterval: 0 }] },
    0,
  )
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 1 }] }, 0)
  expect(pair.alice.takeSent()).toHaveLength(1)
})

test('the initiator confirms a new key with a keepalive when it has nothing to send', () => {
  const pair = new Pair()
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 100 }] }, 0)
  pair.exchange()
  expect(pair.wire.map(({ bytes }) => bytes.length)).toEqual([148, 92, KEEPALIVE_BYTES])
})

test('two peers far apart that start at the same time get a session without new data', () => {
  const pair = new Pair(withJitter(0), withJitter(50))
  pair.ping()
  pair.pong()
  // Both initiations cross on the wire: each is answered, and each answer comes for a handshake that was overwritten.
  // The answers, sent 300 ms later, also make both retransmissions come too early.
  pair.now = 300
  pair.exchange()
  expect(pair.alice.delivered.length + pair.bob.delivered.length).toBe(0)
  pair.advanceTo(5299)
  expect(pair.count(INITIATION)).toBe(2)
  pair.advanceTo(5300)
  expect(pair.count(INITIATION)).toBe(3)
  expect(pair.alice.delivered).toHaveLength(1)
  expect(pair.bob.delivered).toHaveLength(1)
})

test('advancing early changes nothing', () => {
  const pair = new Pair(withJitter(0))
  pair.drop = () => true
  pair.ping()
  pair.exchange()
  const deadline = pair.alice.device.nextDeadline()
  for (let at = 0; at < 5000; at += 250) pair.alice.advance(at)
  expect(pair.alice.device.nextDeadline()).toEqual(deadline)
  expect(pair.alice.takeSent()).toEqual([])
})

test('advancing late runs each deadline once', () => {
  const pair = connected()
  pair.alice.apply({ peers: [{ publicKey: pair.bob.publicKey, persistentKeepaliveInterval: 1 }] }, pair.now)
  pair.exchange()
  pair.alice.advance(pair.now + 60_000)
  expect(pair.alice.takeSent()).toHaveLength(1)
})

test('a clock that runs backwards does no harm', () => {
  const pair = connected()
  for (const at of [29_000, 0, -1000]) {
    pair.now = at
    pair.alice.advance(at)
    pair.ping()
    pair.pong()
    pair.exchange()
  }
  expect(pair.alice.delivered).toHaveLength(4)
  expect(pair.bob.delivered).toHaveLength(5)
  pair.advanceTo(10 * MINUTE)
  pair.ping()
  pair.exchange()
  expect(pair.bob.delivered).toHaveLength(6)
})
