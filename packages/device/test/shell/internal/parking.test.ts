/** When a thread parks, and when it goes back to its event loop. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Parking } from '../../../src/shell/internal/parking.js'
import { OTHERS } from '../../../src/shell/parker.js'
import { FakeClock } from '../support/fake-clock.js'

describe('parking', () => {
  let clock: FakeClock
  let parking: Parking
  /** What each park finds, and how long that takes; then time is up. */
  let finds: { ready: number; ms: number }[]
  let parks: number
  let begun: (readonly number[])[]
  let arrived: number[]
  let isFree: boolean
  let descriptors: readonly number[] | null
  let onArrival: () => void

  beforeEach(() => {
    clock = new FakeClock()
    finds = []
    parks = 0
    begun = []
    arrived = []
    isFree = true
    descriptors = [7, 8]
    onArrival = () => undefined
    const parker = {
      get isFree() {
        return isFree
      },
      begin: (given: readonly number[]) => void begun.push(given),
      park: (ms: number) => {
        parks++
        const { ready, ms: took } = finds.shift() ?? { ready: 0, ms }
        clock.time += took
        return ready
      },
    }
    parking = new Parking(parker, clock, {
      get descriptors() {
        return descriptors
      },
      arrived: (ready) => {
        arrived.push(ready)
        onArrival()
        parking.use(clock.now())
      },
    })
  })
  afterEach(() => parking.close())

  const turns = async (count: number): Promise<void> => {
    for (let i = 0; i < count; i++) await nextTurn()
  }

  test('begins once packets have passed, after what else the event loop has to do', async () => {
    await turns(3)
    expect(parks).toBe(0)
    parking.use(clock.now())
    expect(parks).toBe(0)
    await turns(2)
    expect(parks).toBeGreaterThan(0)
    expect(begun[0]).toBe(descriptors)
  })

  test('goes on as long as packets come, and lets the event loop have a turn each 100 ms', async () => {
    finds = Array.from({ length: 25 }, () => ({ ready: 1, ms: 10 }))
    parking.use(clock.now())
    await turns(1)
    expect(arrived).toHaveLength(10)
    await turns(1)
    expect(arrived).toHaveLength(20)
  })

  test('ends two seconds after the last packet, and begins again with the next', async () => {
    parking.use(clock.now())
    await turns(40)
    expect(parks).toBe(20)
    parking.use(clock.now())
    await turns(40)
    expect(parks).toBe(40)
  })

  test('hands over what has come before it gives way to others', async () => {
    finds = [{ ready: 2 | OTHERS, ms: 1 }]
    parking.use(clock.now())
    await turns(1)
    expect([arrived, parks]).toEqual([[2], 1])
    finds = [{ ready: OTHERS, ms: 1 }]
    await turns(1)
    expect([arrived, parks]).toEqual([[2], 2])
  })

  test('does not begin while a call is under way, nor while there is more to wait for than packets', async () => {
    isFree = false
    parking.use(clock.now())
    await turns(3)
    isFree = true
    descriptors = null
    parking.use(clock.now())
    await turns(3)
    expect(parks).toBe(0)
  })

  test('ends when what it waits for changes under it', async () => {
    finds = [
      { ready: 1, ms: 1 },
      { ready: 1, ms: 1 },
    ]
    onArrival = () => {
      descriptors = null
    }
    parking.use(clock.now())
    await turns(3)
    expect([arrived, parks]).toEqual([[1], 1])
  })

  test('never begins once closed', async () => {
    parking.use(clock.now())
    parking.close()
    await turns(3)
    expect(parks).toBe(0)
  })

  test('ends when what has come closes it, for good', async () => {
    finds = [
      { ready: 1, ms: 1 },
      { ready: 1, ms: 1 },
    ]
    onArrival = () => parking.close()
    parking.use(clock.now())
    await turns(3)
    expect([arrived, parks]).toEqual([[1], 1])
  })

  test('a sleep of the machine ends it at once, whatever time it had left', async () => {
    finds = [{ ready: 0, ms: 3_600_000 }]
    parking.use(clock.now())
    await turns(5)
    expect(parks).toBe(1)
  })
})
