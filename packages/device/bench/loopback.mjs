/**
 * How fast packets go through two tunnels over loopback UDP, without an interface of the system on either side.
 *
 *   node bench/loopback.mjs [--threads 1|2] [--size 1420] [--seconds 3] [--rounds 3] [--engine auto|wasm|node|noble|none]
 *                           [--bind linux|dgram] [--no-segmentation] [--no-coalescing] [--window 2048] [--calls]
 *
 * `--threads 1` runs both ends in one thread, so the time per packet is that of sealing, sending, receiving and opening
 * together; `--threads 2` gives each end a worker. `--engine none` copies instead of encrypting: what is left is
 * everything else. `--calls` counts system calls. For where the time goes: node --cpu-prof bench/loopback.mjs …
 */
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { nobleSuite } from '@wireweave/crypto/noble'
import { nobleTransportEngine } from '@wireweave/crypto/noble'
import { nodeTransportEngine } from '@wireweave/crypto/node'
import { wasmTransportEngine } from '@wireweave/crypto/wasm'
import { openDgramBind } from '@wireweave/device/shell/bind-dgram'
import { linuxBind } from '@wireweave/device/shell/bind-linux'
import { userspaceBackend } from '@wireweave/device/userspace-backend'

const SENT = 0
const RECEIVED = 1
const REFUSED = 2

/** What both threads see: packets that left the one interface and reached the other. */
const counters = () => new Int32Array(new SharedArrayBuffer(64))

class Port {
  batchSize = 128
  isUp = true
  interfaceRef = null
  closed = new Promise(() => {})
  constructor(options, { size, window, shared, sends }) {
    Object.assign(this, { mtu: options.mtu ?? 1420, options, size, window, shared, sends })
    this.slot = size + 32
    for (let i = 0; i < this.batchSize; i++)
      writePacket(options.arena.bytes, options.region.offset + i * this.slot, size)
  }
  receive(batch) {
    const room =
      this.sends && !this.stopped
        ? this.window - (Atomics.load(this.shared, SENT) - Atomics.load(this.shared, RECEIVED))
        : 0
    const count = Math.max(0, Math.min(room, this.batchSize, batch.offsets.length))
    for (let i = 0; i < count; i++) {
      batch.offsets[i] = this.options.region.offset + i * this.slot
      batch.lengths[i] = this.size
    }
    batch.count = count
    if (count > 0) Atomics.add(this.shared, SENT, count)
    return count
  }
  send(batch, first) {
    const count = batch.count - first
    Atomics.add(this.shared, RECEIVED, count)
    Atomics.notify(this.shared, RECEIVED)
    return count
  }
  async readable() {
    if (!this.sends) await new Promise(() => {})
    // What UDP lost would close the window for good.
    for (;;) {
      const received = Atomics.load(this.shared, RECEIVED)
      const missing = Atomics.load(this.shared, SENT) - received
      if (missing < this.window) return
      const woken = await Atomics.waitAsync(this.shared, RECEIVED, received, 250).value
      if (woken === 'timed-out') {
        Atomics.add(this.shared, REFUSED, missing)
        Atomics.sub(this.shared, SENT, missing)
      }
    }
  }
  async writable() {}
  onChange() {}
  async close() {}
}

function writePacket(bytes, at, size) {
  bytes.fill(0x5a, at, at + size)
  bytes.set([0x45, 0, size >>> 8, size & 255, 0, 0, 0x40, 0, 64, 253, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2], at)
}

const noCipher = {
  name: 'none',
  create: (memory) => {
    const bytes = new Uint8Array(memory.buffer)
    return {
      name: 'none',
      bytes,
      seal: (_key, _low, _high, source, length, destination) => bytes.copyWithin(destination, source, source + length),
      open: (_key, _low, _high, source, length, destination) => {
        if (destination !== source) bytes.copyWithin(destination, source, source + length - 16)
        return true
      },
      forgetKey: () => {},
    }
  },
}
const engines = { wasm: wasmTransportEngine, node: nodeTransportEngine, noble: nobleTransportEngine, none: noCipher }

const privateKey = (n) => new Uint8Array(32).fill(n)
const publicKey = (n) => nobleSuite.x25519.importPrivateKey(privateKey(n)).publicKey
const hostOf = (n) => [{ address: Uint8Array.of(10, 9, 0, n), length: 32 }]

async function openEnd(number, options, shared) {
  const adapter = {
    name: 'bench',
    dataPlane: 'userspace',
    reach: 'process',
    probe: async () => ({ available: true }),
    regionBytes: () => 128 * (options.size + 32),
    openPackets: async (port) => new Port(port, { ...options, shared, sends: number === 1 }),
  }
  const made = {}
  const features = { segmentation: !options['no-segmentation'], coalescing: !options['no-coalescing'] }
  const openBind =
    options.bind === 'dgram'
      ? openDgramBind
      : linuxBind({ features, ...(options.calls && { calls: await countedCalls(made) }) })
  const engine = engines[options.engine]
  const tunnel = await userspaceBackend(adapter, { bind: openBind, ...(engine && { engine }) }).open({
    name: `end${number}`,
  })
  const peer = { publicKey: publicKey(3 - number), allowedIps: hostOf(3 - number) }
  await tunnel.apply({ privateKey: privateKey(number), peers: [peer] })
  await tunnel.up()
  return {
    port: async () => (await tunnel.snapshot()).listenPort,
    start: (port) => tunnel.apply({ peers: [{ ...peer, endpoint: { address: Uint8Array.of(127, 0, 0, 1), port } }] }),
    calls: () => ({ ...made, turns: tunnel.driver.stats.turns }),
    close: () => tunnel.close(),
  }
}

async function countedCalls(made) {
  const { socketCalls } = await import('../dist/shell/internal/linux/calls.js')
  const count = ([name, call]) => [name, (...args) => ((made[name] = (made[name] ?? 0) + 1), call(...args))]
  return Object.fromEntries(Object.entries(socketCalls()).map(count))
}

/** The same end, in a worker. */
function openRemoteEnd(number, options, shared) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { number, options, shared } })
  const ask = (call, argument) =>
    new Promise((resolve) => {
      worker.once('message', resolve)
      worker.postMessage({ call, argument })
    })
  return new Promise((resolve) =>
    worker.once('message', () =>
      resolve({
        port: () => ask('port'),
        start: (port) => ask('start', port),
        calls: () => ask('calls'),
        close: () => ask('close'),
      }),
    ),
  )
}

async function main() {
  const { values } = parseArgs({
    options: {
      threads: { type: 'string', default: '1' },
      size: { type: 'string', default: '1420' },
      seconds: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '3' },
      engine: { type: 'string', default: 'auto' },
      bind: { type: 'string', default: 'linux' },
      window: { type: 'string', default: '2048' },
      'no-segmentation': { type: 'boolean', default: false },
      'no-coalescing': { type: 'boolean', default: false },
      calls: { type: 'boolean', default: false },
    },
  })
  const options = { ...values, size: Number(values.size), window: Number(values.window) }
  const shared = counters()
  const open = values.threads === '2' ? openRemoteEnd : openEnd
  const [one, two] = [await open(1, options, shared), await open(2, options, shared)]
  await one.start(await two.port())
  await new Promise((resolve) => setTimeout(resolve, 500))
  for (let round = 0; round < Number(values.rounds); round++) {
    const [start, cpu, received, lost] = [performance.now(), process.cpuUsage(), shared[RECEIVED], shared[REFUSED]]
    const before = [await one.calls(), await two.calls()]
    await new Promise((resolve) => setTimeout(resolve, Number(values.seconds) * 1000))
    const packets = (shared[RECEIVED] - received) | 0
    const ms = performance.now() - start
    const used = process.cpuUsage(cpu)
    const perPacket = (microseconds) => (microseconds / packets).toFixed(2)
    const after = [await one.calls(), await two.calls()]
    console.log(
      [
        `${Math.round((packets / ms) * 1000)} packets/s`,
        `${((packets * options.size * 8) / ms / 1e6).toFixed(2)} Gbit/s`,
        `${perPacket(ms * 1000)} µs/packet (CPU ${perPacket(used.user)} user + ${perPacket(used.system)} system)`,
        `lost ${shared[REFUSED] - lost}`,
      ].join('  '),
    )
    if (values.calls) {
      after.forEach((calls, i) => {
        const rates = Object.entries(calls).map(
          ([name, n]) => `${name} ${((n - (before[i][name] ?? 0)) / packets).toFixed(4)}`,
        )
        console.log(`  end ${i + 1}, per packet: ${rates.join('  ')}`)
      })
    }
  }
  await Promise.all([one.close(), two.close()])
  process.exit()
}

if (isMainThread) await main()
else {
  const end = await openEnd(workerData.number, workerData.options, workerData.shared)
  parentPort.on('message', async ({ call, argument }) => {
    const answer = await end[call](argument)
    parentPort.postMessage(answer ?? null)
  })
  parentPort.postMessage('open')
}
