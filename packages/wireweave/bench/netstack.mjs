/**
 * One TCP stream through the tunnel: the stack in the process against the kernel's TCP over linux-tun, both with our
 * device, in alternating rounds of one run. The other side is linux-tun and the kernel's TCP each time.
 *
 *   one: 10.254.7.1 ── veth ── two: 10.254.7.2
 *
 * wireguard-go's netstack takes part when it has been built, with Go 1.23 or later:
 * (cd bench/wireguard-go-netstack && go build -o ~/.cache/wireweave/bin/wireguard-go-netstack .)
 *
 * Needs root, iproute2 and everything built. Usage: node bench/netstack.mjs [rounds] [seconds]
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import net from 'node:net'
import { homedir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MTU = 1420
const CACHE = process.env.WIREWEAVE_CACHE ?? path.join(homedir(), '.cache/wireweave')
const RIVAL = path.join(CACHE, 'bin/wireguard-go-netstack')
const CHUNK = Buffer.alloc(256 * 1024, 7)
const role = process.argv[2]
const roles = { tun: tunRole, netstack: netstackRole, kernel: kernelRole, server: serverRole }
if (role in roles) await roles[role](...process.argv.slice(3))
else await main(Number(process.argv[2] ?? 5), Number(process.argv[3] ?? 3))

async function main(rounds, seconds) {
  const names = [`wwt${process.pid}a`, `wwt${process.pid}b`]
  const ip = (words) => execFileSync('ip', words.split(' '), { timeout: 10_000 })
  process.on('exit', () => {
    for (const name of names) spawnSync('ip', ['netns', 'del', name], { timeout: 10_000 })
  })
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1))
  for (const name of names) {
    ip(`netns add ${name}`)
    ip(`-n ${name} link set lo up`)
  }
  ip(`link add veth0 netns ${names[0]} type veth peer name veth0 netns ${names[1]}`)
  for (const i of [0, 1]) {
    ip(`-n ${names[i]} address add 10.254.7.${i + 1}/24 dev veth0`)
    ip(`-n ${names[i]} link set veth0 up`)
  }
  const start = (where, ...words) => startChild(names[where], words)
  const keys = Array.from({ length: 6 }, keyPair)
  const device = (own, other, port, peerPort, address, peer) =>
    JSON.stringify({ privateKey: keys[own].d, publicKey: keys[other].x, port, peerPort, address, peer })
  // Each path has a device of its own on each side.
  await start(1, 'tun', 'wwt-two', device(1, 0, 5001, 5000, '10.200.1.2', '10.254.7.1')).ready
  const tun = start(0, 'tun', 'wwt-one', device(0, 1, 5000, 5001, '10.200.1.1', '10.254.7.2'))
  await tun.ready
  await start(1, 'tun', 'wwt-three', device(3, 2, 5003, 5002, '10.200.2.2', '10.254.7.1')).ready
  const server = start(1, 'server')
  await server.ready
  const kernel = start(0, 'kernel', '10.200.1.2')
  const netstack = start(0, 'netstack', '10.200.2.2', device(2, 3, 5002, 5003, '10.200.2.1', '10.254.7.2'))
  await kernel.ready
  await netstack.ready
  const contestants = [
    { name: 'netstack', client: netstack, processes: [netstack] },
    { name: 'linux-tun', client: kernel, processes: [kernel, tun] },
  ]
  if (existsSync(RIVAL)) {
    await start(1, 'tun', 'wwt-four', device(5, 4, 5005, 0, '10.200.3.2', null)).ready
    const hex = (key) => Buffer.from(key, 'base64url').toString('hex')
    const words = ['10.200.3.2', '10.200.3.1', hex(keys[4].d), hex(keys[5].x), '10.254.7.2:5005']
    const rival = startChild(names[0], words, RIVAL)
    await rival.ready
    contestants.push({ name: 'wireguard-go netstack', client: rival, processes: [rival] })
  }
  for (const direction of ['send', 'receive']) {
    const samples = Object.fromEntries(contestants.map(({ name }) => [name, []]))
    for (let round = 0; round <= rounds; round++) {
      for (const { name, client, processes } of contestants) {
        const before = processes.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
        client.say(`${direction} ${round === 0 ? 1 : seconds}`)
        const gigabits = Number(await client.line())
        const cpu = processes.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0) - before
        // The first round warms up.
        if (round > 0) samples[name].push({ gigabits, perCpuSecond: (gigabits * (seconds + 0.5)) / cpu })
      }
    }
    for (const [name, list] of Object.entries(samples)) {
      const rates = list.map(({ gigabits }) => gigabits)
      const spread = `${Math.min(...rates).toFixed(2)}–${Math.max(...rates).toFixed(2)}`
      const perCpuSecond = median(list.map((sample) => sample.perCpuSecond)).toFixed(1)
      console.log(
        `${direction.padEnd(8)} ${name.padEnd(21)} ${median(rates).toFixed(2)} Gbit/s (${spread}), ${perCpuSecond} Gbit per CPU second of this side`,
      )
    }
    const [ours, ...others] = Object.entries(samples)
    for (const [name, list] of others) {
      const ratio = median(ours[1].map(({ gigabits }, i) => gigabits / list[i].gigabits))
      console.log(`${direction.padEnd(8)} netstack / ${name}: ${ratio.toFixed(2)} (median of ${rounds} rounds)`)
    }
  }
  // Their input's end is theirs; a profile is written then.
  await Promise.all([netstack, kernel].map(({ end }) => end()))
  process.exit(0)
}

function startChild(namespace, words, program = null) {
  const ours = [process.execPath, ...profiling(words[0]), fileURLToPath(import.meta.url)]
  const child = spawn('ip', ['netns', 'exec', namespace, ...(program === null ? ours : [program]), ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async () => {
    const { value, done } = await lines.next()
    if (done) throw new Error(`${words[0]} has ended`)
    return value
  }
  process.on('exit', () => child.kill())
  const end = () => {
    child.stdin.end()
    return child.exitCode === null ? once(child, 'exit') : null
  }
  return { pid: child.pid, line, ready: line(), say: (text) => child.stdin.write(`${text}\n`), end }
}

/** `PROFILE=netstack` leaves a .cpuprofile of that process in this folder. */
function profiling(name) {
  return process.env.PROFILE === name ? ['--cpu-prof', '--cpu-prof-dir=.'] : []
}

function keyPair() {
  const { d, x } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' })
  return { d, x }
}

function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[sorted.length >> 1]
}

/** A device on a TUN, until its input ends. */
async function tunRole(name, text) {
  const { openTunnel } = await import('wireweave')
  const { parseEndpoint, parsePrefix } = await import('@wireweave/tunnel/ip')
  const { privateKey, publicKey, port, peerPort, address, peer } = JSON.parse(text)
  const bytes = (base64) => new Uint8Array(Buffer.from(base64, 'base64url'))
  const allowedIps = [parsePrefix('10.200.0.0/16')]
  const endpoint = peer === null ? {} : { endpoint: parseEndpoint(`${peer}:${peerPort}`) }
  const peers = [{ publicKey: bytes(publicKey), allowedIps, ...endpoint }]
  const config = { privateKey: bytes(privateKey), listenPort: port, peers }
  await openTunnel({ name, mtu: MTU, adapter: 'linux-tun', config })
  for (const words of [`address add ${address}/24 dev ${name}`, `link set ${name} mtu ${MTU} up`]) {
    execFileSync('ip', words.split(' '))
  }
  await serve(() => {})
}

/** Sends without end to whoever writes `r`, counts what others send. */
async function serverRole() {
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (first) => {
      if (first[0] !== 114) {
        // Its end is when the client has stopped: then it wants to know.
        let bytes = first.length
        socket.on('data', (data) => (bytes += data.length))
        return
      }
      flood(socket)
    })
  })
  server.listen(5201)
  await once(server, 'listening')
  await serve(() => {})
}

async function kernelRole(target) {
  await serve((direction, seconds) => measure(net.connect(5201, target), direction, seconds))
}

async function netstackRole(target, text) {
  const { openNetstackTunnel } = await import('wireweave')
  const { privateKey, publicKey, peerPort, address, peer } = JSON.parse(text)
  const base64 = (key) => Buffer.from(key, 'base64url').toString('base64')
  const conf = `[Interface]\nPrivateKey = ${base64(privateKey)}\nAddress = ${address}\nMTU = ${MTU}\nListenPort = 5002
[Peer]\nPublicKey = ${base64(publicKey)}\nAllowedIPs = 10.200.0.0/16\nEndpoint = ${peer}:${peerPort}\n`
  const tunnel = await openNetstackTunnel({ config: { name: 'bench', text: conf } })
  await serve((direction, seconds) => measure(tunnel.connect({ host: target, port: 5201 }), direction, seconds))
}

async function measure(socket, direction, seconds) {
  await once(socket, 'connect')
  let bytes = 0
  if (direction === 'receive') {
    socket.write('r')
    socket.on('data', (data) => (bytes += data.length))
  } else flood(socket)
  const moved = () => (direction === 'receive' ? bytes : socket.bytesWritten - socket.writableLength)
  await new Promise((resolve) => setTimeout(resolve, 500))
  const [before, at] = [moved(), performance.now()]
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000))
  const gigabits = ((moved() - before) * 8) / 1e6 / (performance.now() - at)
  socket.destroy()
  await new Promise((resolve) => setTimeout(resolve, 200))
  return gigabits
}

function flood(socket) {
  const go = () => {
    while (!socket.destroyed && socket.write(CHUNK));
  }
  socket.on('drain', go)
  go()
}

/** Says that it is ready, then answers each line with a figure. */
async function serve(answer) {
  console.log('ready')
  for await (const line of createInterface({ input: process.stdin })) {
    const [direction, seconds] = line.split(' ')
    console.log(await answer(direction, Number(seconds)))
  }
  process.exit(0)
}
