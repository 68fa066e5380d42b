/** Times cases in many short rounds, every case in turn: what else the machine does disturbs all alike. */
import { cryptoCases } from './crypto-cases.js'
import { handshakeCases } from './handshake-cases.js'
import { packetCases } from './packet-cases.js'
import type { Case } from './case.js'
import { uapiCases } from './uapi-cases.js'

export interface MicroRow {
  readonly name: string
  /** Nanoseconds for one, of each round; empty where this runtime cannot do it. */
  readonly samples: readonly number[]
}

export interface MicroRun {
  readonly runtime: string
  readonly version: string
  readonly rows: readonly MicroRow[]
}

const cases: readonly Case[] = [...cryptoCases, ...handshakeCases, ...packetCases, ...uapiCases]

/** Cases whose name contains one of `filters`, letter case apart; all for none. */
export function chooseCases(filters: readonly string[]): readonly Case[] {
  const wanted = filters.map((filter) => filter.toLowerCase())
  return cases.filter(({ name }) => wanted.length === 0 || wanted.some((text) => name.toLowerCase().includes(text)))
}

/** The first two rounds warm up: the just-in-time compiler works in steps. */
const WARM_UP_ROUNDS = 2

export function timeCases(chosen: readonly Case[], rounds: number, roundMs: number): MicroRow[] {
  const prepared = chosen.map((each) => ({ ...each, call: each.prepare(), samples: [] as number[] }))
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const { call, times = 1, samples } of prepared) {
      if (call === null) continue
      const ns = timeOf(call, roundMs) / times
      if (round >= 0) samples.push(ns)
    }
  }
  return prepared.map(({ name, samples }) => ({ name, samples }))
}

/** Nanoseconds of a call, over at least `ms` of calls. */
function timeOf(call: () => unknown, ms: number): number {
  let calls = 0
  let batch = 1
  let elapsed = 0
  const start = performance.now()
  do {
    for (let i = 0; i < batch; i++) call()
    calls += batch
    elapsed = performance.now() - start
    // The clock is asked seldom enough not to be what is timed.
    if (elapsed < ms / 8) batch *= 2
  } while (elapsed < ms)
  return (elapsed * 1e6) / calls
}
