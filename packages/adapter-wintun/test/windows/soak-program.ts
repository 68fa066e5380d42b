/**
 * `node soak-program.js PACKETS`: an hour of virtual time on a tunnel over the stand-in. So many packets of all sizes go from the
 * system through its ring, our device, another one and back, while the stand-in looks at their order. Sessions are renewed by
 * use and run out in pauses, the ring to the system is full once in ten minutes, other adapters come and go. Prints handles and
 * memory every ten minutes, then what was found as JSON; fails when something gets stuck.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { userspaceBackend } from '@wireweave/device/userspace-backend'
import { systemDll } from '@wireweave/ffi/win32/system'
import type { Tunnel } from '@wireweave/tunnel/backend'
import { parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import type { PrivateKey } from '@wireweave/tunnel/keys'
import { FakeClock } from '../../../device/test/shell/support/fake-clock.js'
import { wintunAdapter, type WintunPort } from '../../src/adapter.js'
import { double, openPort, OPTIONS, violations } from './double.js'
import { mirrorAdapter, Wire } from './wire.js'

const PACKETS = Number(process.argv[2])
const HOUR_S = 3600
const PERIOD_S = 600
/** Seconds of a period with traffic; in the rest sessions run out, which takes 180. */
const BUSY_S = 380
const SIZES = [28, 64, 576, 1000, 1420]
/** What the device keeps for a peer whose session is being made. */
const BURST = 100
const RING_BYTES = 1 << 20
const STUCK_MS = 30_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const kernel32 = systemDll('kernel32.dll', {
  information: ['GetHandleInformation', 'int32_t', ['uintptr_t', 'void *']],
})

const clock = new FakeClock()
const wire = new Wire()
let port: WintunPort | null = null
const wintun = wintunAdapter({ ...OPTIONS, ringBytes: RING_BYTES })
const watched = {
  ...wintun,
  openPackets: async (...args: Parameters<typeof wintun.openPackets>) => (port = await wintun.openPackets(...args)),
}
const found = { sent: 0, outOfOrder: 0, handshakes: 0, dropped: 0, opened: 0 }
let sequence = 0
let quietTurns = 0
let seen = 0

// What the first adapter leaves for good (the DLL, koffi, code) is no leak.
await (await openPort()).close()
const before = measure()
const [near, far] = [await open(watched, 0), await open(mirrorAdapter, 1)]
const tunnels = [near, far]
for (const [end, tunnel] of tunnels.entries()) {
  await tunnel.apply({ privateKey: new Uint8Array(32).fill(end + 1) as PrivateKey, listenPort: 51820 })
}
await introduce(near, far, 25)
await introduce(far, near, 0)
// First the one that waits.
await far.up()
await near.up()
double.discard(1)
console.log(
  `node ${process.versions.node}, ${PACKETS} packets in an hour of virtual time; minute 0: ${described(measure())}`,
)
const started = performance.now()
let warm = before
for (let second = 0; second < HOUR_S; second++) {
  const inPeriod = second % PERIOD_S
  if (inPeriod < BUSY_S) await carry(share(second))
  if (inPeriod === BUSY_S) await fillRing()
  if (inPeriod === BUSY_S + 1) await openAnother()
  await pass(1000)
  if (second + 1 === PERIOD_S) warm = measure()
  if ((second + 1) % PERIOD_S === 0) console.log(`minute ${(second + 1) / 60}: ${described(measure())}`)
  // From now on nothing keeps sessions alive.
  if (second === HOUR_S / 2) await introduce(near, far, 0)
}
const seconds = Math.round((performance.now() - started) / 1000)
const hot = measure()
note()
found.dropped = port!.stats.ringFull
const received = port!.stats.packetsReceived
await near.close()
await far.close()
const after = measure()
console.log(
  JSON.stringify({
    ...{ ...found, received, seconds, handles: after.handles - before.handles, hotHandles: hot.handles - warm.handles },
    ...{
      heapKiB: Math.round((hot.heap - warm.heap) / 1024),
      residentMiB: Math.round((hot.resident - warm.resident) / 2 ** 20),
    },
    ...{ violations: violations(), live: double.live(), leaks: double.leaks() },
  }),
)
process.exit(0)

async function open(adapter: typeof mirrorAdapter, end: 0 | 1): Promise<Tunnel> {
  const backend = userspaceBackend(adapter, { clock, bind: wire.binds[end]! })
  return backend.open({
    name: `soak${end}`,
    onEvent: (event) => void (event.tag === 'sessionEstablished' && end === 0 && found.handshakes++),
  })
}

async function introduce(tunnel: Tunnel, other: Tunnel, persistentKeepaliveInterval: number): Promise<void> {
  await tunnel.apply({
    peers: [
      {
        publicKey: (await other.snapshot()).publicKey!,
        endpoint: parseEndpoint(`192.0.2.${tunnels.indexOf(other) + 1}:51820`)!,
        allowedIps: [parsePrefix('10.66.0.0/24')!],
        persistentKeepaliveInterval,
      },
    ],
  })
}

/** How many of all packets belong to this second. */
function share(second: number): number {
  const busy = (HOUR_S / PERIOD_S) * BUSY_S
  const nth = Math.floor(second / PERIOD_S) * BUSY_S + (second % PERIOD_S)
  return Math.floor((PACKETS * (nth + 1)) / busy) - Math.floor((PACKETS * nth) / busy)
}

/** Through all and back, in order. */
async function carry(count: number): Promise<void> {
  for (let left = count; left > 0;) {
    const size = SIZES[sequence % SIZES.length]!
    const burst = await inject(Math.min(left, BURST), size, sequence)
    left -= burst
    sequence += burst
    await until(() => Number(double.sent()) === sequence, `${sequence} packets`)
  }
}

/** Resolves to how many packets found room in the ring. */
async function inject(count: number, size: number, first: number): Promise<number> {
  let burst = 0
  await until(() => (burst = double.burst(count, size, first)) > 0, 'room in the ring')
  return burst
}

/** The system stops taking packets, more come than the ring holds, and it goes on. */
async function fillRing(): Promise<void> {
  note()
  double.hold(1)
  const full = port!.stats.ringFull
  for (let i = 0; port!.stats.ringFull === full; i++) {
    const received = port!.stats.packetsReceived
    const burst = await inject(BURST, 1420, i * BURST)
    await until(() => port!.stats.packetsReceived === received + burst && isQuiet(), 'a full ring')
  }
  double.hold(0)
  await until(isQuiet, 'the ring after it was full')
  double.discard(1)
  sequence = 0
}

/** Takes down what the stand-in counted, before it forgets. */
function note(): void {
  found.sent += Number(double.sent())
  found.outOfOrder += Number(double.outOfOrder())
}

/** Nothing is on its way, for some turns of the event loop. */
function isQuiet(): boolean {
  const { packetsReceived, packetsSent, ringFull } = port!.stats
  const now = packetsReceived + packetsSent + ringFull + wire.count
  quietTurns = now === seen && wire.count === 0 ? quietTurns + 1 : 0
  seen = now
  return quietTurns > 10
}

async function openAnother(): Promise<void> {
  await (await openPort({ ringBytes: 0x2_0000 })).close()
  double.choose('soak0')
  found.opened++
}

/** Lets virtual time pass, alarm by alarm, with what each of them sends. */
async function pass(ms: number): Promise<void> {
  const end = clock.time + ms
  for (let next = clock.next; next !== null && next <= end; next = clock.next) {
    clock.ringNext()
    for (let i = 0; i < 3 || wire.count > 0; i++) await turn()
  }
  clock.time = end
}

async function until(condition: () => boolean, what: string): Promise<void> {
  quietTurns = 0
  for (const end = performance.now() + STUCK_MS; !condition();) {
    if (performance.now() > end) {
      console.log(
        `stuck: ${what} did not come through; ${JSON.stringify({ ...port!.stats, sent: Number(double.sent()) })}`,
      )
      process.exit(1)
    }
    await turn()
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

interface Measure {
  readonly handles: number
  readonly heap: number
  readonly resident: number
}

function measure(): Measure {
  collect()
  // Wine counts no handles: each that a process can have is asked for.
  const flags = new Uint8Array(4)
  let handles = 0
  for (let handle = 4; handle < 0x8000; handle += 4) if (kernel32.call.information(handle, flags) !== 0) handles++
  return { handles, heap: getHeapStatistics().used_heap_size, resident: process.memoryUsage().rss }
}

function described({ handles, heap, resident }: Measure): string {
  return `${handles} handles, ${(heap / 2 ** 20).toFixed(1)} MiB heap, ${(resident / 2 ** 20).toFixed(0)} MiB resident`
}
