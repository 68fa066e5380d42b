import { afterEach, describe, expect, test } from 'vitest'
import { openClock } from '../../src/shell/clock.js'
import type { Alarm, Clock } from '../../src/shell/clock.js'
import { portableClock } from '../../src/shell/portable-clock.js'

const alarms: Alarm[] = []
afterEach(() => {
  for (const alarm of alarms.splice(0)) alarm.close()
})

const clocks: [string, () => Promise<Clock>][] = [
  ['the portable clock', async () => portableClock()],
  ['the clock of this machine', openClock],
]
describe.each(clocks)('%s', (_name, open) => {
  function ringing(clock: Clock): { alarm: Alarm; rings: number[] } {
    const rings: number[] = []
    const alarm = clock.alarm(() => rings.push(clock.now()))
    alarms.push(alarm)
    return { alarm, rings }
  }

  test('never goes back, and keeps the pace of the wall', async () => {
    const clock = await open()
    const [start, wall] = [clock.now(), Date.now()]
    let last = start
    while (Date.now() - wall < 50) {
      const now = clock.now()
      expect(now).toBeGreaterThanOrEqual(last)
      last = now
    }
    // A busy machine may stop us between any two looks.
    const apart = Math.abs(clock.now() - start - (Date.now() - wall))
    expect(apart).toBeLessThan(1000)
    expect(clock.now() - start).toBeGreaterThan(0)
    expect(clock.resumes).toBe(0)
  })

  test('rings once, not before its time', async () => {
    const clock = await open()
    const { alarm, rings } = ringing(clock)
    const at = clock.now() + 30
    alarm.set(at)
    await expect.poll(() => rings.length).toBe(1)
    // Timeouts may come a fraction of a millisecond early; who is rung looks at the clock.
    expect(rings[0]).toBeGreaterThan(at - 2)
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(rings).toHaveLength(1)
  })

  test('rings at once for a time that has passed, and again when set again', async () => {
    const clock = await open()
    const { alarm, rings } = ringing(clock)
    alarm.set(0)
    await expect.poll(() => rings.length).toBe(1)
    alarm.set(clock.now() - 1000)
    await expect.poll(() => rings.length).toBe(2)
  })

  test('does not ring when set to never, to far off, or closed', async () => {
    const clock = await open()
    const [never, far, closed] = [ringing(clock), ringing(clock), ringing(clock)]
    for (const { alarm } of [never, far, closed]) alarm.set(clock.now() + 20)
    never.alarm.set(null)
    // Beyond what setTimeout takes: it would fire at once.
    far.alarm.set(clock.now() + 40 * 86_400_000)
    closed.alarm.close()
    closed.alarm.set(clock.now())
    closed.alarm.close()
    await new Promise((resolve) => setTimeout(resolve, 80))
    expect([never.rings, far.rings, closed.rings].flat()).toEqual([])
  })
})

describe('sleep, where the monotonic clock stands still', () => {
  test('is added when the wall clock is far ahead, and noticed once', () => {
    const sources = { time: 1000, asleep: 0 }
    const clock = portableClock({ monotonic: () => sources.time, wall: () => sources.time + sources.asleep })
    const start = clock.now()
    sources.time += 100
    sources.asleep = 3_600_000
    expect(clock.now() - start).toBe(3_600_100)
    expect(clock.resumes).toBe(1)
    sources.time += 7
    expect(clock.now() - start).toBe(3_600_107)
    expect(clock.resumes).toBe(1)
  })

  test('is not seen in small steps of the wall clock, nor in steps back, which change nothing', () => {
    const sources = { time: 1000, step: 0 }
    const clock = portableClock({ monotonic: () => sources.time, wall: () => sources.time + sources.step })
    const start = clock.now()
    for (const step of [1000, 5000, -3_600_000, -3_597_000]) {
      sources.step = step
      expect(clock.now()).toBe(start)
    }
    expect(clock.resumes).toBe(0)
  })
})
