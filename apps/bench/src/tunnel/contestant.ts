/** What can be raced: each is a program that carries WireGuard between the two sides of a topology. */
import { spawn } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { command, until } from './command.js'
import type { Side, Topology } from './topology.js'

export interface Contestant {
  readonly name: string
  /** What exactly is measured, or why it cannot be and how to get it. */
  find(): Promise<{ readonly version: string } | { readonly missing: string }>
  /** Starts the data path of one side and returns its process id; configuration and addresses are the caller's. */
  start(topology: Topology, side: Side, interfaceName: string): Promise<number>
}

/** A program that behaves like wireguard-go: `PROGRAM IFNAME` in the foreground, configured by `wg`. */
function daemon(name: string, locate: () => Launch | null, remedy: string): Contestant {
  return {
    name,
    async find() {
      const launch = locate()
      if (launch === null) return { missing: remedy }
      const { stdout, stderr } = await command(launch.file, [...launch.args, '--version'])
      return { version: (stdout || stderr).split('\n')[0]!.trim() }
    },
    async start(topology, side, interfaceName) {
      const launch = locate()
      if (launch === null) throw new Error(`${name} is missing: ${remedy}`)
      const inside = ['netns', 'exec', topology.namespace[side], launch.file, ...launch.args]
      const child = spawn('ip', [...inside, ...launch.foreground, interfaceName], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: { ...process.env, ...launch.env },
      })
      let complaint = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => (complaint = (complaint + text).slice(-500)))
      await until(`${name} to open ${interfaceName}`, 15, async () => {
        if (child.exitCode !== null) throw new Error(`${name} ended at once: ${complaint.trim()}`)
        return command('wg', ['show', interfaceName, 'listen-port']).then(
          () => true,
          () => false,
        )
      })
      return child.pid!
    },
  }
}

interface Launch {
  readonly file: string
  readonly args: readonly string[]
  readonly foreground: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

const cache = path.join(process.env['WIREWEAVE_CACHE'] ?? path.join(homedir(), '.cache/wireweave'), 'bin')
const install = 'run interop/install-peers.sh'

function program(file: string, foreground: readonly string[], env: NodeJS.ProcessEnv = {}): () => Launch | null {
  return () => (isExecutable(file) ? { file, args: [], foreground, env } : null)
}

function wireweave(): Launch {
  const file = fileURLToPath(import.meta.resolve('@wireweave/cli/daemon'))
  return {
    file: process.execPath,
    args: [path.join(path.dirname(file), 'bin/wireweave-daemon.js')],
    foreground: ['-f'],
    env: {},
  }
}

export const contestants: readonly Contestant[] = [
  daemon('wireweave', wireweave, ''),
  daemon('wireguard-go', program(path.join(cache, 'wireguard'), ['-f']), `${install} (needs Go)`),
  daemon('wireguard-go-debian', program('/usr/bin/wireguard-go', ['-f']), 'apt-get install wireguard-go'),
  daemon(
    'boringtun',
    program(path.join(cache, 'boringtun-cli'), ['-f', '--disable-drop-privileges']),
    `${install} (needs cargo)`,
  ),
]

/** Two interfaces of one contestant, configured and reachable. */
export interface Pair {
  readonly contestant: string
  /** Inner IPv4 address of each side. */
  readonly inner: Readonly<Record<Side, string>>
  /** CPU seconds used so far by the processes of both sides, threads included. */
  cpuSeconds(): number
  /** Resident bytes of the processes of both sides, now. */
  residentBytes(): number
}

/** Starts both sides, exchanges keys, gives them addresses of `10.200.<number>.0/24` and waits until a ping comes back. */
export async function openPair(topology: Topology, contestant: Contestant, number: number): Promise<Pair> {
  const names = { a: `wwb${number}a${process.pid % 10000}`, b: `wwb${number}b${process.pid % 10000}` }
  const inner = { a: `10.200.${number}.1`, b: `10.200.${number}.2` }
  const port = 52000 + number
  const keys = { a: await keyPair(), b: await keyPair() }
  const pids: number[] = []
  for (const side of ['a', 'b'] as const) {
    const other = side === 'a' ? 'b' : 'a'
    pids.push(await contestant.start(topology, side, names[side]))
    const peer = ['peer', keys[other].publicKey, 'endpoint', `${topology.underlay[other]}:${port}`]
    const device = ['set', names[side], 'listen-port', `${port}`, 'private-key', '/dev/stdin']
    // `wg` opens /dev/stdin by name, which the socket that Node gives a child does not allow; a pipe from cat does.
    const wg = ['wg', ...device, ...peer, 'allowed-ips', `${inner[other]}/32`]
    await command('sh', ['-c', 'cat | "$@"', 'sh', ...wg], { input: keys[side].privateKey })
    const ip = ['-n', topology.namespace[side]]
    await command('ip', [...ip, 'address', 'add', `${inner[side]}/24`, 'dev', names[side]])
    await command('ip', [...ip, 'link', 'set', names[side], 'mtu', '1420', 'up'])
  }
  await topology.inside('a', 'ping', ['-c', '3', '-i', '0.2', '-w', '20', inner.b], 25)
  return {
    contestant: contestant.name,
    inner,
    cpuSeconds: () => sum(pids, cpuSeconds),
    residentBytes: () => sum(pids, residentBytes),
  }
}

async function keyPair(): Promise<{ privateKey: string; publicKey: string }> {
  const privateKey = (await command('wg', ['genkey'])).stdout.trim()
  const publicKey = (await command('wg', ['pubkey'], { input: privateKey })).stdout.trim()
  return { privateKey, publicKey }
}

/** `ip netns exec` replaces itself by the program, so the process we started is the one to look at. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function residentBytes(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1] ?? 0) * 1024
}

function sum(pids: readonly number[], of: (pid: number) => number): number {
  return pids.reduce((total, pid) => total + of(pid), 0)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
