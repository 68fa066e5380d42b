/**
 * Two TUNs in two network namespaces, wired together in this process: what goes out of one goes into the other. Shows what
 * the adapter alone allows. Needs root, iproute2, iperf3, and the package built. Usage: node bench/loop.mjs [seconds] [option=false ...]
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createBatch } from '@wireweave/tunnel/packets'
import { linuxTunAdapter } from '../dist/adapter.js'

const seconds = Number(process.argv[2] ?? 4)
const options = Object.fromEntries(
  process.argv.slice(3).map((arg) => [arg.split('=')[0], arg.split('=')[1] !== 'false']),
)
const MTU = 1420
const names = [`wwl${process.pid}a`, `wwl${process.pid}b`]

const adapter = linuxTunAdapter(options)
const regionLength = adapter.regionBytes(MTU)
const memory = new WebAssembly.Memory({ initial: Math.ceil((2 * regionLength) / 65536), maximum: 65536 })
const arena = { memory, bytes: new Uint8Array(memory.buffer) }
const ip = (...args) => execFileSync('ip', args, { timeout: 10_000 })

const ports = []
// Also when the reader of our output goes away, or a signal ends us.
process.on('exit', () => {
  for (const name of names) spawnSync('ip', ['netns', 'del', name], { timeout: 10_000 })
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))

try {
  for (const [i, name] of names.entries()) {
    ip('netns', 'add', name)
    const port = await adapter.openPackets({
      name,
      mtu: MTU,
      arena,
      region: { offset: i * regionLength, length: regionLength },
    })
    ports.push(port)
    ip('link', 'set', name, 'netns', name)
    ip('-n', name, 'addr', 'add', `10.98.0.${i + 1}/24`, 'dev', name)
    ip('-n', name, 'link', 'set', name, 'up')
  }
  console.log('offloads', ports[0].offloads)
  for (const [from, to] of [ports, ports.toReversed()]) void forward(from, to)
  await ping()
  for (const args of [[], ['-P', '4'], ['-R'], ['-u', '-b', '0', '-l', '1372']]) await iperf(args)
} finally {
  for (const port of ports) await port.close()
}

async function forward(from, to) {
  const batch = createBatch(arena, from.batchSize)
  try {
    for (;;) {
      await from.readable()
      for (let turn = 0; turn < 8 && from.receive(batch) > 0; turn++) to.send(batch, 0)
    }
  } catch (error) {
    if (error.code !== 'CLOSED') throw error
  }
}

async function ping() {
  const output = await run(['netns', 'exec', names[0], 'ping', '-c', '20', '-i', '0.05', '10.98.0.2'])
  console.log(output.split('\n').at(-2))
}

async function iperf(args) {
  const server = spawn('ip', ['netns', 'exec', names[1], 'iperf3', '-s', '-1', '-p', '5298'], { stdio: 'ignore' })
  await new Promise((resolve) => setTimeout(resolve, 300))
  const before = ports.map((port) => ({ ...port.stats }))
  const cpu = process.cpuUsage()
  const output = await run([
    'netns',
    'exec',
    names[0],
    'iperf3',
    '-c',
    '10.98.0.2',
    '-p',
    '5298',
    '-t',
    String(seconds),
    '-J',
    ...args,
  ])
  const used = process.cpuUsage(cpu)
  server.kill()
  const { end } = JSON.parse(output)
  const sum = end.sum_received ?? end.sum
  const [a, b] = ports.map((port, i) => difference(port.stats, before[i]))
  const packets = a.packetsReceived + b.packetsReceived
  const perRead = packets / (a.reads + b.reads)
  const perWrite = (a.packetsSent + b.packetsSent) / (a.writes + b.writes)
  console.log(
    `iperf3 ${args.join(' ') || '(TCP)'}: ${(sum.bits_per_second / 1e9).toFixed(2)} Gbit/s` +
      (sum.lost_percent === undefined ? '' : ` sent, ${sum.lost_percent.toFixed(0)} % lost`) +
      `; ${((used.user + used.system) / packets).toFixed(2)} us CPU a packet (user ${(used.user / packets).toFixed(2)})` +
      `; packets per read ${perRead.toFixed(1)}, per write ${perWrite.toFixed(1)}`,
  )
}

function difference(now, before) {
  return Object.fromEntries(Object.keys(now).map((key) => [key, now[key] - before[key]]))
}

function run(args) {
  return new Promise((resolve, reject) => {
    const child = spawn('timeout', [String(seconds + 20), 'ip', ...args])
    let output = ''
    child.stdout.on('data', (data) => (output += data))
    child.on('error', reject)
    child.on('close', () => resolve(output))
  })
}
