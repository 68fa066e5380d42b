/**
 * A tunnel between node.exe with our Wintun adapter, over the stand-in, and wireguard-go on Linux, over loopback in a network
 * namespace of its own.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Wine } from './wine.mjs'

const wireguardGo = path.join(
  process.env.WIREWEAVE_CACHE || path.join(os.homedir(), '.cache/wireweave'),
  'bin/wireguard',
)
const PACKETS = 100_000
/** In a namespace of our own. */
const PORTS = { listenPort: 51821, peerPort: 51820, echoPort: 7000 }

export default function tunnelTests(major) {
  const what = `handshake, pings both ways, ${PACKETS} packets there and back in order, close`
  return [{ name: `node ${major} and wireguard-go: ${what}`, lacks, run: () => carryTraffic(major) }]
}

function lacks() {
  if (process.getuid?.() !== 0) return 'it needs root'
  if (!existsSync('/dev/net/tun')) return 'it needs /dev/net/tun'
  if (!existsSync(wireguardGo)) return 'wireguard-go is missing: run interop/install-peers.sh'
  return null
}

let runs = 0

async function carryTraffic(major) {
  const name = `wwe${process.pid}x${runs++}`
  const within = ['ip', 'netns', 'exec', name]
  const children = []
  let wine = null
  ip('netns', 'add', name)
  try {
    ip('-n', name, 'link', 'set', 'lo', 'up')
    children.push(spawn(within[0], [...within.slice(1), wireguardGo, '-f', name], { stdio: 'ignore' }))
    const [ours, theirs] = [keyPair(), keyPair()]
    await configure(name, within, ours, theirs)
    const peer = spawn(
      within[0],
      [...within.slice(1), process.execPath, peerProgram(), JSON.stringify({ ...PORTS, packets: PACKETS })],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    children.push(peer)
    const seen = output(peer)

    wine = await Wine.start(within)
    const order = JSON.stringify({ privateKey: ours.privateKey, peer: theirs.publicKey, packets: PACKETS, ...PORTS })
    const program = 'packages/adapter-wintun/test/windows/tunnel-program.js'
    const ended = await wine.run(major, program, [order], { seconds: 600 })
    assert.equal(ended.code, 0, `the Windows end stopped with ${ended.code}:\n${ended.output}`)
    const windows = JSON.parse(ended.output.trim().split('\n').at(-1))
    const linux = JSON.parse(await seen)
    const { violations, live, leaks, outOfOrder, echoed } = windows
    assert.deepEqual(
      { violations, live, leaks, outOfOrder, echoed },
      { violations: [], live: 0, leaks: 0, outOfOrder: 0, echoed: PACKETS },
    )
    assert.deepEqual(linux, { received: PACKETS, outOfOrder: 0, pings: 'all answered' })
    assert.ok(windows.pongs >= 3 && windows.pinged >= 5, `pings: ${windows.pongs} and ${windows.pinged}`)
    return `${Math.round((2 * PACKETS) / windows.milliseconds)} packets/ms, node ${windows.node}`
  } finally {
    wine?.stop()
    for (const child of children) child.kill('SIGKILL')
    ip('netns', 'del', name)
  }
}

async function configure(name, within, ours, theirs) {
  const at = (...command) => execFileSync(within[0], [...within.slice(1), ...command], { stdio: 'pipe' })
  for (let tries = 0; !existsSync(`/var/run/wireguard/${name}.sock`); tries++) {
    assert.ok(tries < 100, 'wireguard-go did not start')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  // wg cannot open the socket that Node gives for standard input.
  const script = 'cat | wg set "$0" private-key /dev/stdin'
  execFileSync(within[0], [...within.slice(1), 'sh', '-c', script, name], { input: theirs.privateKey })
  at('wg', 'set', name, 'listen-port', String(PORTS.peerPort))
  at(
    'wg',
    'set',
    name,
    'peer',
    ours.publicKey,
    'allowed-ips',
    '10.77.0.2/32',
    'endpoint',
    `127.0.0.1:${PORTS.listenPort}`,
  )
  at('ip', 'address', 'add', '10.77.0.1/24', 'dev', name)
  at('ip', 'link', 'set', name, 'up', 'mtu', '1420')
}

function keyPair() {
  const privateKey = execFileSync('wg', ['genkey'], { encoding: 'utf8' }).trim()
  const publicKey = execFileSync('wg', ['pubkey'], { encoding: 'utf8', input: privateKey }).trim()
  return { privateKey, publicKey }
}

function ip(...args) {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

function peerProgram() {
  return path.join(path.dirname(fileURLToPath(import.meta.url)), 'tunnel-peer.mjs')
}

async function output(child) {
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) text += chunk
  return text
}
