/** Open TUNs for live tests, and packets carried between them. */
import { isWireGuardError } from '@wireweave/tunnel/errors'
import { type Arena, createBatch } from '@wireweave/tunnel/packets'
import { linuxSystem, type System } from '../../src/abi.js'
import { type LinuxTunAdapter, type LinuxTunOptions, type LinuxTunPort, tunAdapter } from '../../src/adapter.js'
import { arenaOf } from '../packets.js'
import { freshName, ip } from './rig.js'

/** Functions of the system that a test puts in place of the real ones; `fail` makes `errno` say so. */
export function systemWith(change: (real: System, fail: (errno: number) => number) => Partial<System>): () => System {
  const real = linuxSystem()
  let injected: number | null = null
  const fail = (errno: number): number => {
    injected = errno
    return -1
  }
  const errno = (): number => {
    const value = injected ?? real.errno()
    injected = null
    return value
  }
  const changed: Record<string, unknown> = { errno }
  for (const [name, call] of Object.entries({ ...real, ...change(real, fail) })) {
    if (name === 'errno') continue
    // As in C, a call that works may leave any errno behind: a test must not see an old one.
    changed[name] = (...args: never[]) => {
      injected = null
      return (call as (...args: never[]) => unknown)(...args)
    }
  }
  return () => changed as unknown as System
}

export interface OpenPort {
  readonly port: LinuxTunPort
  readonly arena: Arena
  readonly name: string
}

const opened: LinuxTunPort[] = []

export async function closePorts(): Promise<void> {
  for (const port of opened.splice(0)) await port.close()
}

export interface OpenOptions extends LinuxTunOptions {
  readonly name?: string
  readonly mtu?: number
  readonly arena?: Arena
  /** 0 or 1: two ports may share an arena. */
  readonly slot?: number
  readonly system?: () => System
}

const REGION_BYTES = 1 << 20

export async function open(options: OpenOptions = {}): Promise<OpenPort> {
  const {
    name = freshName(),
    mtu,
    arena = arenaOf(3 * REGION_BYTES),
    slot = 0,
    system = linuxSystem,
    ...rest
  } = options
  const adapter: LinuxTunAdapter = tunAdapter(rest, system)
  const region = { offset: slot * REGION_BYTES, length: REGION_BYTES }
  const port = await adapter.openPackets({ name, arena, region, ...(mtu !== undefined && { mtu }) })
  opened.push(port)
  return { port, arena, name }
}

export interface Pair {
  readonly a: OpenPort
  readonly b: OpenPort
  /** The namespaces that the two ends were moved to. */
  readonly inside: readonly [string, string]
  readonly v4: readonly [string, string]
  readonly v6: readonly [string, string]
}

/**
 * Two TUNs, each in a namespace of its own, wired together: what one side sends arrives on the other. Made anew, or
 * adopted from `fds`.
 */
export async function wiredPair(
  inside: readonly [string, string],
  options: OpenOptions = {},
  fds: readonly [number?, number?] = [],
): Promise<Pair> {
  const arena = arenaOf(3 * REGION_BYTES)
  const [a, b] = await Promise.all(
    ([0, 1] as const).map((slot) =>
      open({ ...options, arena, slot, ...(fds[slot] !== undefined && { fd: fds[slot] }) }),
    ),
  )
  const v4 = ['10.88.0.1', '10.88.0.2'] as const
  const v6 = ['fd88::1', 'fd88::2'] as const
  for (const [i, { port }] of [a!, b!].entries()) {
    const { name } = port.interfaceRef
    ip('link', 'set', name, 'netns', inside[i]!)
    ip('-n', inside[i]!, 'addr', 'add', `${v4[i]}/24`, 'dev', name)
    ip('-n', inside[i]!, 'addr', 'add', `${v6[i]}/64`, 'dev', name, 'nodad')
    ip('-n', inside[i]!, 'link', 'set', name, 'up')
  }
  void forward(a!.port, b!.port, arena)
  void forward(b!.port, a!.port, arena)
  return { a: a!, b: b!, inside, v4, v6 }
}

/** Carries packets until `from` ends. */
async function forward(from: LinuxTunPort, to: LinuxTunPort, arena: Arena): Promise<void> {
  const batch = createBatch(arena, from.batchSize)
  try {
    for (;;) {
      await from.readable()
      for (let turn = 0; turn < 8 && from.receive(batch) > 0; turn++) to.send(batch, 0)
    }
  } catch (error) {
    if (!isWireGuardError(error) || error.code !== 'CLOSED') throw error
  }
}
