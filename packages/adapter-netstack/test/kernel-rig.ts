/** The Linux kernel as the other end: a TUN in a namespace of its own, wired to a stack in this process. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { linuxTunAdapter } from '@wireweave/adapter-linux-tun/adapter'
import { type NetstackAdapter, netstackAdapter } from '../src/adapter.js'
import { type Network, openNetwork } from '../src/node/network.js'
import { pump } from './cable.js'

/** The first thing that is missing; `null` when all is there. Throws under CI. */
export function missing(programs: readonly (readonly [program: string, debianPackage: string])[]): string | null {
  const what = firstMissing(programs)
  if (what === null) return null
  if (process.env['CI'] || process.env['WIREWEAVE_NO_SKIP']) throw new Error(`kernel tests cannot run: ${what}`)
  console.warn(`kernel tests are skipped: ${what}`)
  return what
}

function firstMissing(programs: readonly (readonly [string, string])[]): string | null {
  if (process.platform !== 'linux') return 'this is not Linux'
  if (process.getuid?.() !== 0) return 'they need root'
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
  } catch {
    return 'there is no /dev/net/tun (modprobe tun)'
  }
  for (const [program, debianPackage] of [['ip', 'iproute2'] as const, ...programs]) {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore', timeout: 60_000 })
    } catch {
      return `${program} is missing (apt-get install ${debianPackage})`
    }
  }
  return null
}

let counter = 0

/** A run that was killed leaves its namespace: whoever comes next takes it away. */
function sweep(): void {
  const list = execFileSync('ip', ['netns', 'list'], { encoding: 'utf8', timeout: 60_000 })
  for (const [name, pid] of list.matchAll(/^wwn(\d+)x\d+/gm)) {
    if (!existsSync(`/proc/${pid}`)) execFileSync('ip', ['netns', 'del', name], { timeout: 60_000 })
  }
}

export interface KernelRig extends AsyncDisposable {
  readonly network: Network
  readonly adapter: NetstackAdapter
  readonly namespace: string
  /** Of the kernel's end. */
  readonly address: string
  readonly address6: string
  /** Runs a program in the namespace; rejects when it fails. */
  run(seconds: number, program: string, ...args: string[]): Promise<string>
  /** Starts one that is ended with the rig. */
  start(program: string, ...args: string[]): ChildProcess
}

const REGION = 1 << 20

export async function kernelRig(mtu = 1420): Promise<KernelRig> {
  const namespace = `wwn${process.pid}x${counter}`
  const name = `wwn${process.pid}t${counter++}`
  const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8', timeout: 60_000 })
  const cleanUp: (() => unknown)[] = []
  const dispose = async (): Promise<void> => {
    for (const step of cleanUp.reverse()) {
      try {
        await step()
      } catch {
        // What is left was not there.
      }
    }
    cleanUp.length = 0
  }
  try {
    sweep()
    const atExit = (): void => void spawnSync('ip', ['netns', 'del', namespace], { timeout: 60_000 })
    process.once('exit', atExit)
    cleanUp.push(() => process.removeListener('exit', atExit))
    ip('netns', 'add', namespace)
    cleanUp.push(() => ip('netns', 'del', namespace))
    const bytes = new Uint8Array(new WebAssembly.Memory({ initial: 128, maximum: 128 }).buffer)
    const arena = { bytes, memory: null }
    const tun = await linuxTunAdapter().openPackets({ name, mtu, arena, region: { offset: 0, length: REGION } })
    cleanUp.push(() => tun.close())
    ip('link', 'set', name, 'netns', namespace)
    const inside = (...args: string[]): string => ip('-n', namespace, ...args)
    inside('link', 'set', 'lo', 'up')
    inside('addr', 'add', '10.7.0.1/24', 'dev', name)
    inside('addr', 'add', 'fd07::1/64', 'dev', name, 'nodad')
    inside('link', 'set', name, 'mtu', String(mtu), 'up')
    const adapter = netstackAdapter({ addresses: ['10.7.0.2/24', 'fd07::2/64'] })
    const port = await adapter.openPackets({ name, mtu, arena, region: { offset: REGION, length: REGION } })
    cleanUp.push(() => port.close())
    const stop = new AbortController()
    cleanUp.push(() => stop.abort())
    void pump(tun, port, bytes, stop.signal)
    void pump(port, tun, bytes, stop.signal)
    const network = openNetwork(adapter)
    cleanUp.push(() => network.close())
    const start = (program: string, ...args: string[]): ChildProcess => {
      const child = spawn('timeout', ['-k', '1', '60', 'ip', 'netns', 'exec', namespace, program, ...args])
      cleanUp.push(() => child.kill())
      return child
    }
    const run = (seconds: number, program: string, ...args: string[]): Promise<string> =>
      new Promise((resolve, reject) => {
        const child = spawn('timeout', ['-k', '1', String(seconds), 'ip', 'netns', 'exec', namespace, program, ...args])
        let output = ''
        child.stdout.on('data', (data: Buffer) => (output += data.toString()))
        child.stderr.on('data', (data: Buffer) => (output += data.toString()))
        child.on('error', reject)
        child.on('close', (code) =>
          code === 0 ? resolve(output) : reject(new Error(`${program} ended with ${code}: ${output}`)),
        )
      })
    return {
      ...{ network, adapter, namespace, address: '10.7.0.1', address6: 'fd07::1', run, start },
      [Symbol.asyncDispose]: dispose,
    }
  } catch (error) {
    await dispose()
    throw error
  }
}
