/** What `watch` shows of a moment, with the rates since the one before. */
import type { PeerSnapshot } from '@wireweave/tunnel/config'
import { formatKey } from '@wireweave/tunnel/keys'
import { listInterfaces, openInterface } from 'wireweave/interfaces'
import type { DeviceState, InterfacesOptions } from 'wireweave/interfaces'
import type { PeerNames } from './peer-names.js'
import { PeerNamesCache } from './peer-names.js'

export interface Sample {
  /** Seconds since the Unix epoch. */
  readonly time: number
  readonly interfaces: readonly InterfaceSample[]
}

/** `state` is `null` when the interface could not be read; `problem` says why. */
export interface InterfaceSample {
  readonly name: string
  readonly state: DeviceState | null
  readonly problem: string | null
  readonly names: PeerNames
  readonly rates: ReadonlyMap<string, Rates>
}

/** Bytes per second; 0 in the first sample. */
export interface Rates {
  readonly rx: number
  readonly tx: number
}

export const NO_RATES: Rates = { rx: 0, tx: 0 }

interface Before {
  readonly at: number
  readonly counters: ReadonlyMap<string, { readonly rx: bigint; readonly tx: bigint }>
}

export class Sampler {
  readonly #only: string | null
  readonly #options: InterfacesOptions
  readonly #names = new PeerNamesCache()
  readonly #before = new Map<string, Before>()

  /** `only` is the interface to look at; `null` for all. */
  constructor(only: string | null, options: InterfacesOptions = {}) {
    this.#only = only
    this.#options = options
  }

  /** The secrets are the caller's to wipe. Never rejects for the sake of one interface. */
  async take(): Promise<Sample> {
    const names = this.#only === null ? await listInterfaces(this.#options) : [this.#only]
    const interfaces: InterfaceSample[] = []
    for (const name of names) interfaces.push(await this.#take(name))
    for (const name of this.#before.keys()) if (!names.includes(name)) this.#before.delete(name)
    return { time: Date.now() / 1000, interfaces }
  }

  async #take(name: string): Promise<InterfaceSample> {
    try {
      const state = await (await openInterface(name, this.#options)).read()
      const rates = this.#rates(name, state.snapshot.peers)
      return { name, state, problem: null, names: this.#names.read(name), rates }
    } catch (error) {
      this.#before.delete(name)
      const problem = error instanceof Error ? error.message : 'unknown failure'
      return { name, state: null, problem, names: new Map(), rates: new Map() }
    }
  }

  #rates(name: string, peers: readonly PeerSnapshot[]): Map<string, Rates> {
    const at = performance.now()
    const before = this.#before.get(name)
    const rates = new Map<string, Rates>()
    const counters = new Map<string, { rx: bigint; tx: bigint }>()
    for (const { publicKey, rxBytes: rx, txBytes: tx } of peers) {
      const key = formatKey(publicKey)
      counters.set(key, { rx, tx })
      const last = before?.counters.get(key)
      if (before === undefined || last === undefined) continue
      const seconds = Math.max((at - before.at) / 1000, 0.001)
      // A counter that went back belongs to a new interface, or a peer that was removed and added again.
      const perSecond = (now: bigint, then: bigint): number => Math.max(0, Math.round(Number(now - then) / seconds))
      rates.set(key, { rx: perSecond(rx, last.rx), tx: perSecond(tx, last.tx) })
    }
    this.#before.set(name, { at, counters })
    return rates
  }
}
