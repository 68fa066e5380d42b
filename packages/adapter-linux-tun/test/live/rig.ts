/** Network namespaces of our own, and what live tests need from this machine. */
import { execFileSync, spawn } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { check } from '@wireweave/ffi/errno'
import { CLONE_NEWNET, O_CLOEXEC } from '@wireweave/ffi/linux'
import { linuxSystem } from '../../src/abi.js'

/** The first thing that is missing for live tests; `null` when all is there. Throws on Linux under CI. */
export function missing(): string | null {
  const what = firstMissing()
  if (what === null) return null
  const mustRun = process.platform === 'linux' && (process.env['CI'] || process.env['WIREWEAVE_NO_SKIP'])
  if (mustRun) throw new Error(`live TUN tests cannot run: ${what}`)
  console.warn(`live TUN tests are skipped: ${what}`)
  return what
}

function firstMissing(): string | null {
  if (process.platform !== 'linux') return 'this is not Linux'
  if (process.getuid?.() !== 0) return 'they need root'
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
  } catch {
    return 'there is no /dev/net/tun (modprobe tun)'
  }
  for (const [program, args, packageName] of [
    ['ip', ['-V'], 'iproute2'],
    ['ping', ['-V'], 'iputils-ping'],
  ] as const) {
    try {
      execFileSync(program, args, { stdio: 'ignore', timeout: 60_000 })
    } catch {
      return `${program} is missing (apt-get install ${packageName})`
    }
  }
  return null
}

let counter = 0

/** A name nobody else uses, at most 15 characters. */
export function freshName(): string {
  return `wwt${process.pid}x${counter++}`
}

export function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', timeout: 60_000, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Namespaces made so far, deleted by {@link deleteNamespaces} or when the process exits. */
const namespaces = new Set<string>()
let isHooked = false

export function makeNamespace(): string {
  if (!isHooked) {
    process.on('exit', deleteNamespaces)
    sweep()
  }
  isHooked = true
  const name = freshName()
  ip('netns', 'add', name)
  namespaces.add(name)
  ip('-n', name, 'link', 'set', 'lo', 'up')
  return name
}

/** A run that was killed leaves its namespaces: whoever comes next takes them away. */
function sweep(): void {
  for (const [name, pid] of ip('netns', 'list').matchAll(/^wwt(\d+)x\d+/gm)) {
    if (!existsSync(`/proc/${pid}`)) ip('netns', 'del', name)
  }
}

export function deleteNamespaces(): void {
  for (const name of namespaces) {
    try {
      ip('netns', 'del', name)
    } catch {
      // Deleted by the test.
    }
  }
  namespaces.clear()
}

/** Calls `action`, which must be synchronous, with this thread in that namespace: what it opens stays there. */
export function within<T>(namespace: string, action: () => T): T {
  const system = linuxSystem()
  const here = check(system.open('/proc/thread-self/ns/net', O_CLOEXEC), 'open')
  const there = check(system.open(`/var/run/netns/${namespace}`, O_CLOEXEC), 'open')
  check(system.setns(there, CLONE_NEWNET), 'setns')
  try {
    return action()
  } finally {
    check(system.setns(here, CLONE_NEWNET), 'setns')
    system.close(there)
    system.close(here)
  }
}

/** Puts this thread into a namespace of its own until the returned function is called. */
export function isolate(): () => void {
  const system = linuxSystem()
  const home = check(system.open('/proc/thread-self/ns/net', O_CLOEXEC), 'open')
  const own = makeNamespace()
  const there = check(system.open(`/var/run/netns/${own}`, O_CLOEXEC), 'open')
  check(system.setns(there, CLONE_NEWNET), 'setns')
  system.close(there)
  return () => {
    check(system.setns(home, CLONE_NEWNET), 'setns')
    system.close(home)
    deleteNamespaces()
  }
}

/** Runs a program in a namespace, bounded in time. Rejects when it fails. */
export function run(namespace: string, seconds: number, program: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('timeout', ['-k', '2', String(seconds), 'ip', 'netns', 'exec', namespace, program, ...args])
    let output = ''
    let errors = ''
    child.stdout.on('data', (data: Buffer) => (output += data.toString()))
    child.stderr.on('data', (data: Buffer) => (errors += data.toString()))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(output)
      else reject(new Error(`${program} ended with ${code}: ${output}${errors}`))
    })
  })
}

/**
 * `count` echo requests one after the other, each answered. One at a time, as `ping` waits for the last of several only
 * twice as long as the others took, however long `-W` says.
 */
export async function pings(from: string, count: number, target: string, ...words: string[]): Promise<void> {
  for (let i = 0; i < count; i++) await run(from, 15, 'ping', '-c', '1', '-W', '10', ...words, target)
}

export async function until(condition: () => boolean, ms = 60_000): Promise<void> {
  for (const end = performance.now() + ms; !condition();) {
    if (performance.now() > end) throw new Error(`still not so after ${ms} ms: ${condition.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
