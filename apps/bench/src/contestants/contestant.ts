/** What can be measured: something that carries packets between the two sides. */
import type { RegistryOptions } from 'wireweave'
import type { Topology } from '../run/topology.js'
import type { Traffic } from '../traffic/traffic.js'

/**
 * Who can use it: every program of the host, through an interface, or only the process that opened it. A row of one is
 * never set against a row of the other: a socket inside the process spares what the interface costs, and the reverse.
 */
export type Reach = 'host' | 'process'

export interface Contestant {
  readonly name: string
  readonly role: 'adapter' | 'rival' | 'ceiling'
  readonly reach: Reach
  /** The only one it runs on; `null` for one that runs anywhere. */
  readonly system: 'linux' | 'win32' | null
  /** In a line: whose it is and how it is set up. */
  readonly about: string
  /** What exactly would be measured, or why it cannot be and how to get it. Changes nothing. */
  find(dlls: Dlls): Promise<Found>
  /** Both sides, configured, a packet having come back. Everything is inside the place, and goes with it. */
  open(place: Place, slot: number): Promise<Carrier>
  /** Milliseconds from the start of one side's program until its interface exists and can be configured. */
  startOnce?(place: Place, name: string): Promise<number>
  /** Starts one side for a flood of handshakes and returns its process id; configured by `wg`. */
  startDaemon?(topology: Topology, name: string): Promise<number>
}

export type Found = { readonly version: string } | { readonly missing: string; readonly remedy: string }

/** Where the libraries of Windows' adapters are, when not where they are looked for. Plain data: it goes to other processes. */
export type Dlls = Pick<RegistryOptions, 'wgnt' | 'wintun'>

/** Where a run takes place. */
export interface Place {
  /** `null` without namespaces: without root, and on other systems than Linux. */
  readonly topology: Topology | null
  /** Names of interfaces begin with it. */
  readonly tag: string
  readonly dlls: Dlls
  /** What makes traffic between interfaces. */
  readonly generator: 'iperf3' | 'own'
  readonly closers: (() => Promise<void>)[]
}

/** A contestant that runs. */
export interface Carrier {
  readonly traffic: Traffic
  /** Of the processes of both sides together; `null` where the kernel does the work. */
  usage(): Promise<Usage | null>
  /** Forgets the session and times the first packet that comes back, in milliseconds; absent where there is no such thing. */
  readonly handshake?: () => Promise<number>
}

export interface Usage {
  /** User and system time so far, all threads. */
  readonly cpuSeconds: number
  readonly residentBytes: number
}

/** Inner addresses of a slot, 1 to 250. */
export function innerOf(slot: number): { readonly a: string; readonly b: string } {
  return { a: `10.200.${slot}.1`, b: `10.200.${slot}.2` }
}

/** The topology of a place that must have one. */
export function topologyOf({ topology }: Place): Topology {
  if (topology === null) throw new Error('network namespaces need Linux and root')
  return topology
}
