import { describe, expect, test } from 'vitest'
import { SharingTrial } from '../../src/internal/sharing-trial.js'

/** Runs batches of 1000 bytes back to back; `cost` is what one takes, in ms. Returns which were shared. */
class Load {
  readonly #trial = new SharingTrial()
  #now = 0

  run(batches: number, cost: (isShared: boolean) => number, restMs = 0.01): boolean[] {
    return Array.from({ length: batches }, () => {
      this.#now += restMs
      const isShared = this.#trial.begin(this.#now)
      this.#now += cost(isShared)
      this.#trial.end(this.#now, 1000)
      return isShared
    })
  }
}

const faster = (isShared: boolean): number => (isShared ? 0.05 : 0.08)
const slower = (isShared: boolean): number => (isShared ? 0.12 : 0.08)
const share = (batches: readonly boolean[]): number => batches.filter(Boolean).length / batches.length

describe('the trial of sharing', () => {
  test('shares nearly all batches while that is faster', () => {
    expect(share(new Load().run(10_000, faster))).toBeGreaterThan(0.96)
  })

  test('shares hardly any while it is slower, and no faster is not enough', () => {
    expect(share(new Load().run(10_000, slower))).toBeLessThan(0.01)
    expect(share(new Load().run(10_000, () => 0.08))).toBeLessThan(0.01)
  })

  test('notices a change either way', () => {
    const load = new Load()
    load.run(2000, faster)
    load.run(300, slower)
    expect(share(load.run(2000, slower))).toBeLessThan(0.05)
    load.run(10_000, faster)
    expect(share(load.run(2000, faster))).toBeGreaterThan(0.96)
  })

  test('one interrupted batch decides nothing', () => {
    let batches = 0
    const interrupted = (isShared: boolean): number => (++batches === 12 ? 50 : faster(isShared))
    expect(share(new Load().run(256, interrupted))).toBeGreaterThan(0.9)
  })

  test('never shares a batch after a rest, so that light traffic wakes nobody', () => {
    const load = new Load()
    load.run(100, faster)
    expect(load.run(1000, faster, 1)).not.toContain(true)
  })
})
