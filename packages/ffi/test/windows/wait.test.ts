import { EventReadiness } from '@wireweave/ffi/win32/event-readiness'
import { closeHandle, createEvent, MAX_WAIT_MS, setEvent, WaitSet } from '@wireweave/ffi/win32/wait'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

describe('a wait for several objects', () => {
  test('says which was signalled, or that none was', () => {
    const [one, two] = [createEvent('by itself'), createEvent('by hand')]
    const both = new WaitSet(one, two)
    expect(both.wait(0)).toBe(-1)
    setEvent(two)
    expect([both.wait(0), both.wait(0)]).toEqual([1, 1])
    setEvent(one)
    expect([both.wait(0), both.wait(0)]).toEqual([0, 1])
    closeHandle(one)
    closeHandle(two)
  })

  test('is bounded', () => {
    const set = new WaitSet(1)
    for (const milliseconds of [MAX_WAIT_MS + 1, -1, Number.POSITIVE_INFINITY, Number.NaN])
      expect(() => set.wait(milliseconds)).toThrow(RangeError)
    expect(() => new WaitSet()).toThrow(RangeError)
  })
})

describe('readiness of an event', () => {
  let event: number
  let readiness: EventReadiness
  beforeEach(() => {
    event = createEvent('by itself')
    readiness = new EventReadiness(event, 1000)
  })
  afterEach(async () => {
    await readiness.close()
    closeHandle(event)
  })

  test('comes when the event is set, once for each time', async () => {
    for (let i = 0; i < 20; i++) {
      const waiting = readiness.wait()
      setEvent(event)
      await waiting
    }
    expect(await settles(readiness.wait(AbortSignal.timeout(200)))).toBe('rejected')
  })

  test('is there at once when the event was set before', async () => {
    setEvent(event)
    await readiness.wait()
  })

  test('is kept for the next wait when the last was given up', async () => {
    // The thread runs: starting it takes long on a busy machine.
    setEvent(event)
    await readiness.wait()
    const giveUp = new AbortController()
    const waiting = readiness.wait(giveUp.signal)
    giveUp.abort()
    expect(await settles(waiting)).toBe('rejected')
    setEvent(event)
    // Longer than the thread, which still waits, can wait.
    await sleep(2500)
    const next = readiness.wait().then(() => 'at once')
    expect(await Promise.race([next, sleep(200).then(() => 'when it looked again')])).toBe('at once')
  })

  test('comes by itself after a while, since an event can be forgotten', async () => {
    const impatient = new EventReadiness(event, 20)
    for (let i = 0; i < 3; i++) await impatient.wait()
    await impatient.close()
  })

  test('ends with the reason of the closing, and the thread is gone then', async () => {
    const reason = new Error('over')
    const waiting = expect(readiness.wait()).rejects.toBe(reason)
    await Promise.all([readiness.close(reason), readiness.close()])
    await waiting
    await expect(readiness.wait()).rejects.toBe(reason)
  })

  // Each of them starts a thread, which a busy machine does slowly.
  test('ends also when the event is set in the same moment', { timeout: 300_000 }, async () => {
    for (let i = 0; i < 20; i++) {
      const other = new EventReadiness(event, 1)
      const waiting = other.wait()
      await sleep(5 * i)
      setEvent(event)
      await Promise.all([other.close(), waiting.catch(() => undefined)])
    }
  })

  test('can be closed by a thread that never waited', async () => {
    const other = new EventReadiness(event)
    await other.close()
  })

  test('costs the process no listener each, and leaves none when the last is closed', async () => {
    const before = process.listenerCount('exit')
    const others = [new EventReadiness(event), new EventReadiness(event)]
    expect(process.listenerCount('exit')).toBe(before)
    await Promise.all(others.map((other) => other.close()))
    await readiness.close()
    expect(process.listenerCount('exit')).toBe(before - 1)
  })
})

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

async function settles(promise: Promise<void>): Promise<'resolved' | 'rejected'> {
  return promise.then(
    () => 'resolved' as const,
    () => 'rejected' as const,
  )
}
