/** Runs fuzz targets in rounds. A round is known by its target and seed, and does the same every time. */
import { Random } from '../random.js'
import { datagrams } from './datagrams.js'
import { innerPackets } from './inner-packets.js'
import { messages } from './messages.js'
import type { FuzzTarget } from './target.js'
import { uapi } from './uapi.js'
import { updates } from './updates.js'

export const FUZZ_TARGETS: readonly FuzzTarget[] = [datagrams, innerPackets, uapi, updates, messages]

export const CASES_PER_ROUND = 500

export interface RoundOutcome {
  readonly target: string
  readonly seed: number
  readonly cases: number
  /** `null` when nothing happened that must not. */
  readonly failure: string | null
}

export function runRound(target: FuzzTarget, seed: number, cases: number = CASES_PER_ROUND): RoundOutcome {
  let done = 0
  try {
    const round = target.begin(new Random(seed))
    for (; done < cases; done++) round.step()
    round.finish()
    return { target: target.name, seed, cases: done, failure: null }
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error)
    return { target: target.name, seed, cases: done, failure: `case ${done}: ${failure}` }
  }
}
