/** Log lines in the words and the form of wireguard-go, because that is what people search for and paste into issues. */
import { writeSync } from 'node:fs'

export type LogLevel = 'silent' | 'error' | 'verbose'

export interface Log {
  readonly verbose: (message: string) => void
  readonly error: (message: string) => void
}

/** What `LOG_LEVEL` says; `error` when it says nothing that is known, as in wireguard-go. */
export function logLevelOf(text: string | undefined): LogLevel {
  if (text === 'verbose' || text === 'debug') return 'verbose'
  return text === 'silent' ? 'silent' : 'error'
}

/** `DEBUG: (wg0) 2026/01/31 23:59:59 message` for each line, in local time. */
export function createLog(level: LogLevel, interfaceName: string, write: (line: string) => void = writeStdout): Log {
  const line = (tag: string, message: string): void =>
    write(`${tag}: (${interfaceName}) ${timestamp(new Date())} ${message}\n`)
  return {
    verbose: (message) => level === 'verbose' && line('DEBUG', message),
    error: (message) => level !== 'silent' && line('ERROR', message),
  }
}

function timestamp(time: Date): string {
  const date = [time.getFullYear(), pad(time.getMonth() + 1), pad(time.getDate())].join('/')
  return `${date} ${[time.getHours(), time.getMinutes(), time.getSeconds()].map(pad).join(':')}`
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}

/** A log that cannot be written, because its reader is gone or the disk is full, must not end the tunnel. */
function writeStdout(line: string): void {
  try {
    writeSync(1, line)
  } catch {
    // Nobody is left to tell.
  }
}

/**
 * At most `burst` lines in any `intervalMs`, then silence, then how many lines were not written: what a stranger can
 * trigger must not fill a disk.
 */
export class LogLimit {
  readonly #burst: number
  readonly #intervalMs: number
  readonly #now: () => number
  #since = -Infinity
  #written = 0
  #suppressed = 0

  constructor(burst: number, intervalMs: number, now: () => number = () => performance.now()) {
    this.#burst = burst
    this.#intervalMs = intervalMs
    this.#now = now
  }

  /** Calls `write` with the message, and with a count of those that were left out before it, unless there were too many. */
  write(message: string, write: (message: string) => void): void {
    const now = this.#now()
    if (now - this.#since >= this.#intervalMs) {
      if (this.#suppressed > 0) write(`${this.#suppressed} lines of this kind were not written`)
      this.#since = now
      this.#written = 0
      this.#suppressed = 0
    }
    if (this.#written < this.#burst) {
      this.#written++
      write(message)
    } else {
      this.#suppressed++
    }
  }
}
