import { expect, test } from 'vitest'
import { packet4, packet6, Pair, withJitter } from './harness.js'

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
