/** A thread that waits in poll(2), over real descriptors. */
import { spawn } from 'node:child_process'
import { afterEach, describe, expect, test } from 'vitest'
import { Readiness } from '@wireweave/ffi/poll'
import { pollParker } from '../../../src/shell/internal/linux/poll-parker.js'
import { openWake } from '../../../src/shell/internal/linux/wake.js'
import type { Wake } from '../../../src/shell/internal/linux/wake.js'
import { OTHERS } from '../../../src/shell/parker.js'

/** Not slept through unless something is broken. */
const LONG = 10_000

describe.runIf(process.platform === 'linux')('a parked thread', () => {
  const opened: { close(): void }[] = []
  /** Readable once woken. */
  const descriptor = (): Wake => {
    const made = openWake()
    opened.push(made)
    return made
  }
  afterEach(() => {
    for (const each of opened.splice(0)) each.close()
  })

  test('goes on when a descriptor is readable, which stays so', () => {
    const [first, second, wake] = [descriptor(), descriptor(), descriptor()]
    const parker = pollParker(wake.fd, () => true)
    parker.begin([first.fd, second.fd])
    expect(parker.park(0)).toBe(0)
    second.wake()
    expect(parker.park(LONG)).toBe(2)
    first.wake()
    expect(parker.park(LONG)).toBe(3)
    expect(parker.park(LONG)).toBe(3)
  })

  test('goes on when it is woken, once', () => {
    const [first, wake] = [descriptor(), descriptor()]
    const parker = pollParker(wake.fd, () => true)
    parker.begin([first.fd])
    wake.wake()
    wake.wake()
    expect(parker.park(LONG)).toBe(OTHERS)
    expect(parker.park(0)).toBe(0)
  })

  test('goes on for whatever else its event loop watches, and tells it apart', () => {
    const [first, other, wake] = [descriptor(), descriptor(), descriptor()]
    const readiness = new Readiness(other.fd)
    try {
      const parker = pollParker(wake.fd, () => true)
      parker.begin([first.fd])
      other.wake()
      expect(parker.park(LONG)).toBe(OTHERS)
      first.wake()
      expect(parker.park(LONG)).toBe(1 | OTHERS)
    } finally {
      readiness.close()
    }
  })

  test('a descriptor that is watched, too, is still one that packets come by', () => {
    const [first, wake] = [descriptor(), descriptor()]
    const readiness = new Readiness(first.fd)
    try {
      const parker = pollParker(wake.fd, () => true)
      parker.begin([first.fd])
      first.wake()
      expect(parker.park(LONG)).toBe(1)
    } finally {
      readiness.close()
    }
  })

  test('goes on when a descriptor is closed under it', () => {
    const [first, wake] = [descriptor(), descriptor()]
    const parker = pollParker(wake.fd, () => true)
    parker.begin([first.fd])
    first.close()
    expect(parker.park(LONG)).toBe(1)
  })

  test('goes on when a signal comes, which its event loop has to see', () => {
    const [first, wake] = [descriptor(), descriptor()]
    const ignore = (): void => undefined
    process.on('SIGUSR2', ignore)
    // Again and again: one that comes before the wait begins does not end it.
    const killer = spawn('sh', ['-c', `while kill -USR2 ${process.pid} && sleep 0.1; do :; done`])
    try {
      const parker = pollParker(wake.fd, () => true)
      parker.begin([first.fd])
      expect(parker.park(LONG)).toBe(OTHERS)
    } finally {
      killer.once('exit', () => process.off('SIGUSR2', ignore))
      killer.kill()
    }
  })

  test('a wake after its end goes nowhere', () => {
    const wake = descriptor()
    wake.close()
    wake.close()
    wake.wake()
    expect(pollParker(descriptor().fd, () => false).isFree).toBe(false)
  })
})
