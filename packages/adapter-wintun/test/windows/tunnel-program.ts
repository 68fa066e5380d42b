/**
 * `node tunnel-program.js JSON`: the Windows end of a tunnel, over the stand-in. Pings the other end, has its own pings
 * answered, sends numbered datagrams that the other end echoes, and closes when told to. Prints its findings as JSON.
 */
import { userspaceBackend } from '@wireweave/device/userspace-backend'
import { parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import { decodeKey, type PrivateKey, type PublicKey } from '@wireweave/tunnel/keys'
import { wintunAdapter } from '../../src/adapter.js'
import { double, OPTIONS, take, violations } from './double.js'

interface Order {
  readonly privateKey: string
  readonly peer: string
  readonly listenPort: number
  readonly peerPort: number
  readonly echoPort: number
  readonly packets: number
}

const order = JSON.parse(process.argv[2]!) as Order
const OWN = [10, 77, 0, 2]
const OTHER = [10, 77, 0, 1]
/** Datagrams on their way at the same time: no queue on the way is shorter. */
const WINDOW = 128

const events: string[] = []
const backend = userspaceBackend(wintunAdapter(OPTIONS))
const tunnel = await backend.open({
  name: 'wg0',
  onEvent: (event) => events.push(event.tag),
})
await tunnel.apply({
  privateKey: decodeKey<PrivateKey>(order.privateKey)!,
  listenPort: order.listenPort,
  peers: [
    {
      publicKey: decodeKey<PublicKey>(order.peer)!,
      endpoint: parseEndpoint(`127.0.0.1:${order.peerPort}`)!,
      allowedIps: [parsePrefix('10.77.0.1/32')!],
    },
  ],
})
await tunnel.up()

const found = { pongs: 0, pinged: 0, echoed: 0, outOfOrder: 0, milliseconds: 0, stopped: false }
const deadline = Date.now() + 90_000

const ping = ipPacket(1, Uint8Array.of(8, 0, 0, 0, 0, 1, 0, 1, ...new Uint8Array(48)))
sealIcmp(ping)
await until(
  () => found.pongs >= 3,
  200,
  () => inject(ping),
)

const started = Date.now()
let sent = 0
await until(
  () => found.echoed === order.packets,
  0,
  () => {
    while (sent < order.packets && sent - found.echoed < WINDOW) inject(datagram(sent++))
  },
)
found.milliseconds = Date.now() - started
await until(() => found.stopped, 10)
const { peers } = await tunnel.snapshot()
await tunnel.close()
console.log(
  JSON.stringify({
    ...found,
    violations: violations(),
    live: double.live(),
    leaks: double.leaks(),
    received: Number(peers[0]?.rxBytes ?? 0),
    node: process.versions.node,
  }),
)
process.exit(0)

/** Lets time go by until `isDone`, calls `act` every few milliseconds, and looks at what the tunnel sent to the system. */
async function until(isDone: () => boolean, pauseMs: number, act: () => void = () => {}): Promise<void> {
  while (!isDone()) {
    if (Date.now() > deadline) {
      console.log(`late: ${JSON.stringify({ ...found, sent, events, violations: violations() })}`)
      process.exit(3)
    }
    act()
    await new Promise((resolve) => (pauseMs === 0 ? setImmediate(resolve) : setTimeout(resolve, pauseMs)))
    for (let packet = take(); packet !== null; packet = take()) look(packet)
  }
}

function look(packet: Uint8Array): void {
  const isIcmp = packet[9] === 1
  if (isIcmp && packet[20] === 0) found.pongs++
  else if (isIcmp && packet[20] === 8) answer(packet)
  else if (packet[9] === 17) {
    const view = new DataView(packet.buffer, packet.byteOffset)
    const number = view.getUint32(28)
    if (number === 0xffff_ffff) found.stopped = true
    else if (number !== found.echoed++) found.outOfOrder++
  }
}

function answer(request: Uint8Array): void {
  found.pinged++
  const reply = ipPacket(1, request.slice(20))
  reply[20] = 0
  sealIcmp(reply)
  inject(reply)
}

function inject(packet: Uint8Array): void {
  double.inject(packet, packet.length, 1)
}

function datagram(number: number): Uint8Array {
  const payload = new Uint8Array(200 + (number % 1100))
  const view = new DataView(payload.buffer)
  view.setUint16(0, order.echoPort)
  view.setUint16(2, order.echoPort)
  view.setUint16(4, payload.length)
  view.setUint32(8, number)
  return ipPacket(17, payload)
}

function ipPacket(protocol: number, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(20 + payload.length)
  packet.set([0x45, 0, packet.length >> 8, packet.length & 0xff, 0, 0, 0x40, 0, 64, protocol, 0, 0, ...OWN, ...OTHER])
  writeChecksum(packet, 10, 0, 20)
  packet.set(payload, 20)
  return packet
}

function sealIcmp(packet: Uint8Array): void {
  packet[22] = packet[23] = 0
  writeChecksum(packet, 22, 20, packet.length)
}

function writeChecksum(packet: Uint8Array, at: number, from: number, to: number): void {
  let sum = 0
  for (let i = from; i < to; i += 2) sum += (packet[i]! << 8) | (packet[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  packet[at] = (~sum >>> 8) & 0xff
  packet[at + 1] = ~sum & 0xff
}
