/**
 * TCP between the stack and the kernel, through a TUN in a namespace of its own, without WireGuard: what the stack allows
 * in practice. Needs root, iproute2, and this package and adapter-linux-tun built.
 * Usage: node bench/tun.mjs [seconds]
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { linuxTunAdapter } from '@wireweave/adapter-linux-tun/adapter'
import { createBatch } from '@wireweave/tunnel/packets'
import { netstackAdapter } from '../dist/adapter.js'
import { openNetwork } from '../dist/node/network.js'

const seconds = Number(process.argv[2] ?? 3)
const MTU = 1420
const name = `wwb${process.pid}`
const ip = (...args) => execFileSync('ip', args, { timeout: 10_000 })
process.on('exit', () => spawnSync('ip', ['netns', 'del', name], { timeout: 10_000 }))
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

const tunAdapter = linuxTunAdapter()
const regions = [tunAdapter.regionBytes(MTU), 64 * 1536]
const memory = new WebAssembly.Memory({ initial: Math.ceil((regions[0] + regions[1] + 65536) / 65536), maximum: 65536 })
const arena = { memory, bytes: new Uint8Array(memory.buffer) }
ip('netns', 'add', name)
const tun = await tunAdapter.openPackets({ name, mtu: MTU, arena, region: { offset: 64, length: regions[0] } })
ip('link', 'set', name, 'netns', name)
ip('-n', name, 'link', 'set', 'lo', 'up')
ip('-n', name, 'addr', 'add', '10.7.0.1/24', 'dev', name)
ip('-n', name, 'link', 'set', name, 'mtu', String(MTU), 'up')
const adapter = netstackAdapter({ addresses: ['10.7.0.2/24'] })
const port = await adapter.openPackets({
  name,
  mtu: MTU,
  arena,
  region: { offset: 64 + regions[0], length: regions[1] },
})
async function pump(from, to) {
  const batch = createBatch(arena, from.batchSize)
  let turns = 0
  for (;;) {
    if (from.receive(batch) === 0) await from.readable()
    else to.send(batch, 0)
    if (++turns % 8 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}
pump(tun, port).catch(() => {})
pump(port, tun).catch(() => {})

const network = openNetwork(adapter)
const chunk = Buffer.alloc(256 * 1024, 7)
let bytes = 0
const peer = (script) => spawn('timeout', ['60', 'ip', 'netns', 'exec', name, process.execPath, '-e', script])
const SOURCE = `const s = require('net').connect(PORT, '10.7.0.2'); const c = Buffer.alloc(262144, 7); const go = () => { while (s.write(c)); }; s.on('connect', go).on('drain', go).on('error', () => process.exit())`
const SINK = `require('net').connect(PORT, '10.7.0.2').on('data', () => {}).on('error', () => process.exit())`
for (const { title, script, onConnection } of [
  {
    title: 'kernel to stack',
    script: SOURCE,
    onConnection: (socket) => socket.on('data', (data) => (bytes += data.length)),
  },
  {
    title: 'stack to kernel',
    script: SINK,
    onConnection: (socket) => {
      const go = () => {
        while (!socket.destroyed && socket.write(chunk));
      }
      socket.on('drain', go)
      go()
    },
  },
]) {
  const server = network.listen({ port: 0 }, (socket) => {
    socket.on('error', () => {})
    onConnection(socket)
    server.socket = socket
  })
  const child = peer(script.replace('PORT', String(server.address().port)))
  await once(server, 'connection')
  await new Promise((resolve) => setTimeout(resolve, 500))
  const before = server.socket.bytesWritten + bytes
  const cpu = process.cpuUsage()
  const start = performance.now()
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const ms = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  const moved = server.socket.bytesWritten + bytes - before
  const gigabits = (moved * 8) / 1e6 / ms
  const busy = (user + system) / 1000
  console.log(
    `${title}: ${gigabits.toFixed(2)} Gbit/s; ${((moved * 8) / 1e6 / busy).toFixed(2)} Gbit per CPU second (user ${(user / 1e6).toFixed(1)} s, system ${(system / 1e6).toFixed(1)} s)`,
  )
  child.kill()
  await server[Symbol.asyncDispose]()
}
process.exit(0)
