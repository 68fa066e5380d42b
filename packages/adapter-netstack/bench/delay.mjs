/**
 * The stack's TCP and the kernel's over the same bad path: a delay, and every n-th packet lost. The receiver is the kernel
 * in a namespace, the sender the stack, then the kernel in another namespace. Needs root, iproute2, and this package and
 * adapter-linux-tun built. Usage: node bench/delay.mjs [seconds] [round trip ms] [one of so many is lost] [kernel [algorithm]]
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { linuxTunAdapter } from '@wireweave/adapter-linux-tun/adapter'
import { createBatch } from '@wireweave/tunnel/packets'
import { netstackAdapter } from '../dist/adapter.js'
import { openNetwork } from '../dist/node/network.js'

const seconds = Number(process.argv[2] ?? 10)
const delay = Number(process.argv[3] ?? 30) / 2
const period = Number(process.argv[4] ?? 1000)
const MTU = 1420
const names = [`wwd${process.pid}a`, `wwd${process.pid}b`]
const ip = (...args) => execFileSync('ip', args, { timeout: 10_000 })
process.on('exit', () => {
  for (const name of names) spawnSync('ip', ['netns', 'del', name], { timeout: 10_000 })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

const REGION = 1 << 20
const memory = new WebAssembly.Memory({ initial: 128, maximum: 128 })
const arena = { memory, bytes: new Uint8Array(memory.buffer) }
const tunAdapter = linuxTunAdapter()
async function openTun(name, address, slot) {
  ip('netns', 'add', name)
  const tun = await tunAdapter.openPackets({ name, mtu: MTU, arena, region: { offset: slot * REGION, length: REGION } })
  ip('link', 'set', name, 'netns', name)
  ip('-n', name, 'link', 'set', 'lo', 'up')
  ip('-n', name, 'addr', 'add', `${address}/24`, 'dev', name)
  ip('-n', name, 'link', 'set', name, 'mtu', String(MTU), 'up')
  return tun
}

/** Holds packets for `delay`, in order, and loses every n-th. */
async function pump(from, to, slot, isLossy) {
  const batch = createBatch(arena, from.batchSize)
  const out = createBatch(arena, 1)
  const scratch = slot * REGION
  const queue = []
  let count = 0
  let isArmed = false
  const deliver = () => {
    isArmed = false
    const now = performance.now()
    while (queue.length > 0 && queue[0].at <= now) {
      const { packet } = queue.shift()
      arena.bytes.set(packet, scratch)
      out.offsets[0] = scratch
      out.lengths[0] = packet.length
      out.count = 1
      to.send(out, 0)
    }
    arm()
  }
  const arm = () => {
    if (isArmed || queue.length === 0) return
    isArmed = true
    setTimeout(deliver, Math.max(0, queue[0].at - performance.now()))
  }
  for (;;) {
    if (from.receive(batch) === 0) await from.readable()
    for (let i = 0; i < batch.count; i++) {
      if (isLossy && ++count % period === 0) continue
      const packet = arena.bytes.slice(batch.offsets[i], batch.offsets[i] + batch.lengths[i])
      queue.push({ at: performance.now() + delay, packet })
    }
    batch.count = 0
    arm()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const SINK = `let n = 0; require('net').createServer((s) => { n = 0; s.on('data', (d) => n += d.length).on('error', () => {}) }).listen(5000, '10.7.0.1', () => console.log('up')); process.stdin.on('data', () => console.log(n))`
const SOURCE = `const s = require('net').connect(5000, '10.7.0.1'); const c = Buffer.alloc(262144, 7); const go = () => { while (s.write(c)); }; s.on('connect', go).on('drain', go)`
const inside = (name, script) => spawn('ip', ['netns', 'exec', name, process.execPath, '-e', script])

const sink = await openTun(names[0], '10.7.0.1', 0)
const sinkProcess = inside(names[0], SINK)
await once(sinkProcess.stdout, 'data')
const counted = async () => {
  sinkProcess.stdin.write('?\n')
  return Number(String((await once(sinkProcess.stdout, 'data'))[0]))
}
async function measure(title, source, start) {
  let isOver = false
  const stop = () => {
    isOver = true
  }
  pump(source, sink, 4, true).catch(stop)
  pump(sink, source, 5, false).catch(stop)
  const end = await start()
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const before = await counted()
  const at = performance.now()
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const megabits = (((await counted()) - before) * 8) / 1000 / (performance.now() - at)
  console.log(`${title}: ${megabits.toFixed(1)} Mbit/s at ${delay * 2} ms, one packet of ${period} lost`)
  await end()
  if (isOver) throw new Error('a port died')
}

if (process.argv[5] === 'kernel') {
  const source = await openTun(names[1], '10.7.0.2', 1)
  // Of those that this namespace may choose.
  const algorithm = process.argv[6] ?? 'reno'
  ip('netns', 'exec', names[1], 'sysctl', '-qw', `net.ipv4.tcp_congestion_control=${algorithm}`)
  await measure(`kernel, ${algorithm}`, source, async () => {
    const child = inside(names[1], SOURCE)
    return async () => child.kill()
  })
} else {
  const adapter = netstackAdapter({ addresses: ['10.7.0.2'] })
  const source = await adapter.openPackets({
    name: 'bench',
    mtu: MTU,
    arena,
    region: { offset: REGION, length: REGION },
  })
  const network = openNetwork(adapter)
  await measure('stack', source, async () => {
    const socket = network.connect({ host: '10.7.0.1', port: 5000 })
    const chunk = Buffer.alloc(262_144, 7)
    const go = () => {
      while (!socket.destroyed && socket.write(chunk));
    }
    socket.on('connect', go).on('drain', go)
    return async () => {
      const { retransmits, timeouts, fastRecoveries } = adapter.host.stack.tcpStats
      console.log(`retransmits ${retransmits}, timeouts ${timeouts}, recoveries ${fastRecoveries}`)
      socket.destroy()
    }
  })
}
sinkProcess.kill()
process.exit(0)
