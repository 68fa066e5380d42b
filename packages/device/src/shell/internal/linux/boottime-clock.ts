/** CLOCK_BOOTTIME, which counts suspend, and timers on it. */
import { check, errno, SystemError } from '@wireweave/ffi/errno'
import { bind } from '@wireweave/ffi/library'
import { CLOCK_BOOTTIME, O_CLOEXEC, O_NONBLOCK, TIMESPEC } from '@wireweave/ffi/linux'
import { NativeMemory, writePointer } from '@wireweave/ffi/memory'
import { Readiness } from '@wireweave/ffi/poll'
import type { Alarm, Clock } from '../../clock.js'

const TFD_TIMER_ABSTIME = 1
/** `itimerspec`: the interval, zero for a timer that fires once, then the time. */
const ITIMERSPEC_BYTES = 2 * TIMESPEC.size
/** What a read of a timerfd returns: how often it expired. */
const EXPIRATIONS_BYTES = 8
/** CLOCK_BOOTTIME moving ahead of the runtime's CLOCK_MONOTONIC by more than this since it was last compared is a sleep. */
const SLEEP_MS = 1000

function timeCalls() {
  return bind(null, {
    clockGettime: ['clock_gettime', 'int', ['int', 'uintptr_t']],
    timerfdCreate: ['timerfd_create', 'int', ['int', 'int']],
    timerfdSettime: ['timerfd_settime', 'int', ['int', 'int', 'uintptr_t', 'uintptr_t']],
    read: ['read', 'long', ['int', 'uintptr_t', 'size_t']],
    close: ['close', 'int', ['int']],
  })
}
type TimeCalls = ReturnType<typeof timeCalls>

/** Throws when the kernel does not have the clock, or timers on it. */
export function boottimeClock(): Clock {
  const calls = timeCalls()
  // Fails here, where a fallback is at hand, rather than at the first alarm.
  calls.close(check(calls.timerfdCreate(CLOCK_BOOTTIME, O_NONBLOCK | O_CLOEXEC), 'timerfd_create'))
  const clock = new BoottimeClock(calls)
  clock.now()
  return clock
}

class BoottimeClock implements Clock {
  readonly #calls: TimeCalls
  readonly #time = new NativeMemory(TIMESPEC.size)
  #ahead: number
  #lookedAt = 0
  #resumes = 0

  constructor(calls: TimeCalls) {
    this.#calls = calls
    this.#ahead = this.#read() - performance.now()
  }

  get resumes(): number {
    return this.#resumes
  }

  now(): number {
    const now = this.#read()
    // No sleep of that length lies between two looks that follow each other sooner.
    if (now - this.#lookedAt > SLEEP_MS) this.#lookForSleep(now)
    this.#lookedAt = now
    return now
  }

  alarm(ring: () => void): Alarm {
    return new TimerfdAlarm(this.#calls, ring)
  }

  #lookForSleep(now: number): void {
    const ahead = now - performance.now()
    if (ahead - this.#ahead > SLEEP_MS) this.#resumes++
    this.#ahead = ahead
  }

  #read(): number {
    const { view, address } = this.#time
    if (this.#calls.clockGettime(CLOCK_BOOTTIME, address) !== 0) throw new SystemError('clock_gettime', errno())
    const seconds = view.getUint32(TIMESPEC.sec, true) + view.getUint32(TIMESPEC.sec + 4, true) * 2 ** 32
    return seconds * 1000 + view.getUint32(TIMESPEC.nsec, true) / 1e6
  }
}

class TimerfdAlarm implements Alarm {
  readonly #calls: TimeCalls
  readonly #ring: () => void
  readonly #fd: number
  readonly #readiness: Readiness
  readonly #spec = new NativeMemory(ITIMERSPEC_BYTES + EXPIRATIONS_BYTES)
  #closed = false

  constructor(calls: TimeCalls, ring: () => void) {
    this.#calls = calls
    this.#ring = ring
    this.#fd = check(calls.timerfdCreate(CLOCK_BOOTTIME, O_NONBLOCK | O_CLOEXEC), 'timerfd_create')
    // The sockets of a device keep the process alive, not its clock.
    this.#readiness = new Readiness(this.#fd).unref()
    this.#wait()
  }

  set(at: number | null): void {
    if (this.#closed) return
    const { view, address } = this.#spec
    // A time of zero disarms; the first microsecond after boot is as good as now.
    const microseconds = at === null ? 0 : Math.max(1, Math.ceil(at * 1000))
    writePointer(view, TIMESPEC.size + TIMESPEC.sec, Math.floor(microseconds / 1e6))
    writePointer(view, TIMESPEC.size + TIMESPEC.nsec, (microseconds % 1e6) * 1000)
    check(this.#calls.timerfdSettime(this.#fd, TFD_TIMER_ABSTIME, address, 0), 'timerfd_settime')
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#readiness.close()
    this.#calls.close(this.#fd)
  }

  #wait(): void {
    this.#readiness.readable().then(
      () => {
        if (this.#closed) return
        // Until it is read, the descriptor stays readable.
        this.#calls.read(this.#fd, this.#spec.address + ITIMERSPEC_BYTES, EXPIRATIONS_BYTES)
        this.#wait()
        this.#ring()
      },
      () => undefined,
    )
  }
}
