/** Programs in a namespace: started, watched, measured. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { sleep } from '../run/command.js'
import type { Side, Topology } from '../run/topology.js'
import type { Usage } from './contestant.js'

/** Where interop/install-peers.sh puts programs that no package has. */
export const cacheFolder: string = path.join(
  process.env['WIREWEAVE_CACHE'] ?? path.join(homedir(), '.cache/wireweave'),
  'bin',
)

/** The full path of a program, looked for in the cache, in PATH and where Debian keeps what only root runs. */
export function whereIs(name: string): string | null {
  const folders = [cacheFolder, ...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  return folders.map((folder) => path.join(folder, name)).find(isExecutable) ?? null
}

export function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

export interface Started {
  readonly pid: number
  /** From its start until `isReady`. */
  readonly readyMs: number
  readonly child: ChildProcess
}

/** An emulated machine takes half a minute to start Node. */
const READY_SECONDS = 60

/** Starts a program inside a side's namespace and asks every two milliseconds whether it is ready. */
export async function startInside(
  topology: Topology,
  side: Side,
  [file, ...args]: readonly [string, ...string[]],
  options: { readonly env?: NodeJS.ProcessEnv; readonly isReady: (output: string) => boolean | Promise<boolean> },
): Promise<Started> {
  const started = performance.now()
  const child = spawn('ip', ['netns', 'exec', topology.namespace[side], file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  })
  let output = ''
  const collect = (text: string): void => void (output = (output + text).slice(-4000))
  child.stdout.setEncoding('utf8').on('data', collect)
  child.stderr.setEncoding('utf8').on('data', collect)
  let failure: Error | null = null
  child.once('error', (error) => (failure = error))
  const deadline = started + READY_SECONDS * 1000
  while (!(await options.isReady(output))) {
    if (failure !== null) throw failure
    if (child.exitCode !== null) throw new Error(`${path.basename(file)} ended at once: ${output.trim().slice(-500)}`)
    if (performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`${path.basename(file)} was not ready within ${READY_SECONDS} s: ${output.trim().slice(-500)}`)
    }
    await sleep(2)
  }
  return { pid: child.pid!, readyMs: performance.now() - started, child }
}

/** A daemon that is killed leaves its socket, and a starved one needs seconds for its end. */
const END_MS = 10_000

/** Ends a program and waits until it is gone. */
export function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
    child.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
    child.kill('SIGTERM')
  })
}

/** `ip netns exec` replaces itself by the program, so the process we started is the one to look at. */
export function usageOf(pids: readonly number[]): Usage {
  const each = pids.map((pid) => ({ cpuSeconds: cpuSeconds(pid), residentBytes: residentBytes(pid) }))
  return {
    cpuSeconds: each.reduce((total, usage) => total + usage.cpuSeconds, 0),
    residentBytes: each.reduce((total, usage) => total + usage.residentBytes, 0),
  }
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

function residentBytes(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1] ?? 0) * 1024
}
