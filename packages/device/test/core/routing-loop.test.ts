import { expect, test } from 'vitest'
import { Host, INITIATION, packet4, packet6, Pair, withJitter } from './harness.js'

const UDP_HEADER = 8

/** The datagram that Alice sent last, as the system would hand it back to her interface. */
function backThroughTunnel(pair: Pair, version: 4 | 6): Uint8Array {
  pair.alice.send([packet4('10.0.0.1', '10.0.0.2', 100)], 0)
  const { bytes } = pair.alice.takeSent().at(-1)!
  const header = version === 4 ? 20 : 40
  const length = header + UDP_HEADER + bytes.length
  const packet = version === 4 ? packet4('10.0.0.1', '10.0.0.2', length) : packet6('fd00::1', 'fd00::2', length)
  packet.set(bytes, header + UDP_HEADER)
  return packet
}

function connected(): Pair {
  const pair = new Pair(withJitter(0), withJitter(0))
  pair.connect()
  pair.pong()
  pair.exchange()
  return pair
}

test.each([4, 6] as const)('a datagram of ours that comes back into the tunnel over IPv%i ends there', (version) => {
  const pair = connected()
  const packet = backThroughTunnel(pair, version)
  pair.alice.send([packet], 0)
  expect(pair.alice.takeSent()).toEqual([])
  expect(pair.alice.device.stats.drops.routingLoop).toBe(1)
})

test('so does the first fragment of one', () => {
  const pair = connected()
  const first4 = backThroughTunnel(pair, 4)
  first4[6] = 0x20 // more fragments
  const whole6 = backThroughTunnel(pair, 6)
  const first6 = packet6('fd00::1', 'fd00::2', whole6.length + 8)
  first6[6] = 44
  first6.set([17, 0, 0, 1], 40)
  first6.set(whole6.subarray(40), 48)
  pair.alice.send([first4, first6], 0)
  expect(pair.alice.device.stats.drops.routingLoop).toBe(2)
})

/** Alice, who listens on port 51820, in sessions with Bob and Carol. */
function withTwoPeers(): { alice: Host; say: (ip: string) => Uint8Array } {
  const alice = new Host('192.0.2.1:51820')
  const others = [new Host('192.0.2.2:2000'), new Host('192.0.2.3:3000')]
  alice.device.setBoundPort(51820)
  alice.up(0)
  for (const [i, other] of others.entries()) {
    alice.addPeer(other, 0, { ips: [`10.0.0.${i + 2}/32`] })
    other.addPeer(alice, 0, { ips: ['10.0.0.1/32'] })
    other.up(0)
  }
  const say = (ip: string): Uint8Array => {
    alice.send([packet4('10.0.0.1', ip, 100)], 0)
    return alice.takeSent().at(-1)!.bytes
  }
  for (const [i, other] of others.entries()) {
    const initiation = say(`10.0.0.${i + 2}`)
    expect(initiation[0]).toBe(INITIATION)
    other.receive(initiation, alice.endpoint, 0)
    alice.receive(other.takeSent()[0]!.bytes, other.endpoint, 0)
  }
  alice.takeSent()
  return { alice, say }
}

/** `datagram` as the system hands it back, on its way to a peer whose endpoint is `to`. */
function routedInto(to: string, sourcePort: number, datagram: Uint8Array): Uint8Array {
  const packet = packet4('10.0.0.1', to, 20 + UDP_HEADER + datagram.length)
  packet.set([sourcePort >>> 8, sourcePort & 0xff], 20)
  packet.set(datagram, 20 + UDP_HEADER)
  return packet
}

test('so does one to another peer: two that are each at an address of the other would have it circle', () => {
  const { alice, say } = withTwoPeers()
  const toBob = routedInto('10.0.0.3', 51820, say('10.0.0.2'))
  const toCarol = routedInto('10.0.0.2', 51820, say('10.0.0.3'))
  alice.send([toBob, toCarol], 0)
  expect(alice.takeSent()).toEqual([])
  expect(alice.device.stats.drops.routingLoop).toBe(2)
})

test('so does a handshake message: waiting for the key that it asks for, it would ask for ever', () => {
  const alice = new Host('192.0.2.1:51820')
  const bob = new Host('192.0.2.2:2000')
  alice.device.setBoundPort(51820)
  alice.addPeer(bob, 0, { ips: ['10.0.0.2/32'] })
  alice.up(0)
  alice.send([packet4('10.0.0.1', '10.0.0.2', 100)], 0)
  for (let now = 0; now < 200_000; now += 500) {
    alice.advance(now)
    for (const { bytes } of alice.takeSent()) alice.send([routedInto('10.0.0.2', 51820, bytes)], now)
  }
  expect(alice.tags().filter((tag) => tag === 'handshakeGaveUp')).toHaveLength(1)
  expect(alice.device.stats.drops.routingLoop).toBe(alice.device.stats.handshakeInitiationsSent)
})

test('a datagram of somebody else goes out, whatever index a peer has chosen', () => {
  const { alice, say } = withTwoPeers()
  const theirs = say('10.0.0.2')
  const initiation = new Uint8Array(148).with(0, INITIATION)
  alice.send([routedInto('10.0.0.3', 51821, theirs), routedInto('10.0.0.3', 51820, initiation)], 0)
  expect(alice.takeSent()).toHaveLength(2)
})

test('it is said once a minute, with the remedy', () => {
  const pair = connected()
  const packet = backThroughTunnel(pair, 4)
  for (let at = 0; at < 61_000; at += 1000) pair.alice.send([packet], at)
  const said = pair.alice.events.filter((event) => event.tag === 'log')
  expect(said).toHaveLength(2)
  expect(said[0]).toMatchObject({
    level: 'error',
    message: expect.stringMatching(/routed into the tunnel itself.*firewall mark/),
  })
})

test('what only looks like it goes out: other ports, other sessions, later fragments, other protocols, cut packets', () => {
  const pair = connected()
  const own = backThroughTunnel(pair, 4)
  const but = (change: (packet: Uint8Array) => void): Uint8Array => {
    const packet = own.slice()
    change(packet)
    return packet
  }
  const others = [
    but((packet) => (packet[20 + UDP_HEADER + 4]! ^= 1)), // another receiver index
    but((packet) => (packet[20 + UDP_HEADER] = 1)), // a handshake message
    but((packet) => (packet[7] = 1)), // a later fragment
    but((packet) => (packet[9] = 6)), // TCP
    but((packet) => (packet[0] = 0x41)), // a header length that cannot be
    own.slice(0, 20 + UDP_HEADER + 7),
  ]
  pair.alice.send(others, 0)
  expect(pair.alice.takeSent()).toHaveLength(others.length)
  expect(pair.alice.device.stats.drops.routingLoop).toBe(0)
})
