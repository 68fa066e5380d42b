/**
 * `node stress-program.js PACKETS`: so many packets from the system, each sent back to it at once, while the stand-in checks the
 * order; in between adapters are opened and closed. Prints what was lost, leaked and left as JSON.
 */
import { createBatch } from '@wireweave/tunnel/packets'
import { wintunAdapter } from '../../src/adapter.js'
import { double, openPort, OPTIONS, portOptions, violations } from './double.js'

const PACKETS = Number(process.argv[2])
const SIZE = 1400
/** Further adapters of which one is opened and closed each time. */
const EVERY = PACKETS / 20

const options = portOptions('stress')
const port = await wintunAdapter(OPTIONS).openPackets(options)
const batch = createBatch(options.arena, port.batchSize)
const view = new DataView(options.arena.bytes.buffer)
let received = 0
let outOfOrder = 0
let warm = 0
let opened = 0
double.discard(1)
double.stream(PACKETS, SIZE)
const started = Date.now()
while (received < PACKETS) {
  if (port.receive(batch) === 0) {
    await port.readable()
    continue
  }
  for (let i = 0; i < batch.count; i++) {
    if (view.getUint32(batch.offsets[i]! + 20, true) !== received % 2 ** 32) outOfOrder++
    received++
  }
  port.send(batch, 0)
  if (warm === 0 && received > PACKETS / 10) warm = process.memoryUsage().rss
  if (received / EVERY > opened + 1) {
    opened++
    const other = await openPort()
    await other.close()
  }
}
const seconds = (Date.now() - started) / 1000
const { ringFull, malformed } = port.stats
const grown = Math.round((process.memoryUsage().rss - warm) / 2 ** 20)
const [sent, sentOutOfOrder] = [Number(double.sent()), Number(double.outOfOrder())]
await port.close()
console.log(
  JSON.stringify({
    ...{ received, outOfOrder, sent, sentOutOfOrder, ringFull, malformed, opened, seconds, grownMiB: grown },
    ...{ violations: violations(), live: double.live(), leaks: double.leaks() },
  }),
)
process.exit(0)
