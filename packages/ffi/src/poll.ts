/** Waiting for a descriptor in the event loop of the calling thread, the main one or a worker's. */
import { check } from './errno.js'
import { koffi, type PollHandle } from './internal/koffi.js'
import { bind } from './library.js'

/**
 * Every open instance of this thread, by descriptor. libuv refuses a second watcher of one descriptor, and koffi 3.3.4
 * turns that into an abort of the process. It also aborts when a watched descriptor becomes ready while Node tears the
 * thread's environment down, so all are closed when the thread is about to exit.
 */
const open = new Map<number, Readiness>()

/**
 * Closes every open handle of this thread. Call it in a worker that something else ends: `Worker.terminate`, or the main
 * thread's `process.exit`, tell the worker nothing, and koffi aborts the process.
 */
export function closeAll(): void {
  for (const readiness of open.values()) readiness.close()
}

/** What this thread's event loop watches: whoever blocks the thread in a wait of its own must wait for these, too. */
export function watchedDescriptors(): Iterable<number> {
  return open.keys()
}

interface Wait {
  resolve(): void
  reject(reason: unknown): void
  readonly signal: AbortSignal | undefined
  readonly onAbort: (() => void) | undefined
}

/**
 * Readiness of one non-blocking descriptor: a socket, a pipe, a TUN. One owner, one wait for each direction at a time,
 * and no other user of the descriptor in this thread's event loop. From its first wait until it is closed it keeps the
 * process alive, unless {@link unref}.
 *
 * `close()` this before the descriptor itself.
 */
export class Readiness {
  readonly fd: number
  // Referenced as long as this object is: libuv stops in silence when the handle is collected.
  #handle: PollHandle | null = null
  #closed = false
  #closeReason: unknown = undefined
  #referenced = true
  #read: Wait | null = null
  #write: Wait | null = null
  /** What the handle is watching now; it runs on after a wait ended, since most waits are followed by another. */
  #watchingRead = false
  #watchingWrite = false
  readonly #onReady = (status: number, events: object): void => this.#ready(status, events as ReadyEvents)

  /** Throws a `SystemError` when `fd` is closed (EBADF) or of a kind that is always ready (EPERM: a file, /dev/null). */
  constructor(fd: number) {
    if (open.has(fd)) throw new Error(`descriptor ${fd} is already watched in this thread`)
    if (process.platform === 'linux') checkPollable(fd)
    this.fd = fd
    if (open.size === 0) process.on('exit', closeAll)
    open.set(fd, this)
  }

  /**
   * Resolves when reading will not block; this includes errors and end of file, which the read then reports.
   * Rejects with the signal's reason, or with the reason given to {@link close}.
   */
  readable(signal?: AbortSignal): Promise<void> {
    if (this.#read !== null) throw new Error('a wait for reading is already pending')
    return this.#wait(signal, (wait) => {
      this.#read = wait
    })
  }

  /** As {@link readable}, for writing. */
  writable(signal?: AbortSignal): Promise<void> {
    if (this.#write !== null) throw new Error('a wait for writing is already pending')
    return this.#wait(signal, (wait) => {
      this.#write = wait
    })
  }

  /** Ends pending waits with `reason`. Idempotent. Synchronous: afterwards the descriptor may be closed. */
  close(reason: unknown = new Error('closed while waiting')): void {
    if (this.#closed) return
    this.#closed = true
    this.#closeReason = reason
    this.#handle?.close()
    this.#handle = null
    open.delete(this.fd)
    if (open.size === 0) process.off('exit', closeAll)
    const pending = [this.#read, this.#write]
    this.#read = null
    this.#write = null
    for (const wait of pending) if (wait !== null) settle(wait).reject(reason)
  }

  /** Waiting keeps the process alive (the default). */
  ref(): this {
    this.#referenced = true
    this.#handle?.ref()
    return this
  }

  /** Waiting does not keep the process alive. */
  unref(): this {
    this.#referenced = false
    this.#handle?.unref()
    return this
  }

  #wait(signal: AbortSignal | undefined, register: (wait: Wait | null) => void): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closeReason)
    if (signal?.aborted === true) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const onAbort =
        signal === undefined
          ? undefined
          : () => {
              register(null)
              this.#watch()
              reject(signal.reason)
            }
      if (onAbort !== undefined) signal!.addEventListener('abort', onAbort, { once: true })
      register({ resolve, reject, signal, onAbort })
      this.#watch()
    })
  }

  #ready(status: number, events: ReadyEvents): void {
    // A failed status (EPOLLERR) ends libuv's watch; both directions may go on and meet the error in their call.
    const failed = status < 0
    if (failed) this.#watchingRead = this.#watchingWrite = false
    const read = failed || events.readable ? this.#read : null
    const write = failed || events.writable ? this.#write : null
    if (read !== null) this.#read = null
    if (write !== null) this.#write = null
    // Ready and nobody waits: the owner is busy. Without this the loop would spin.
    if (read === null && write === null) this.#watch()
    if (read !== null) settle(read).resolve()
    if (write !== null) settle(write).resolve()
  }

  /** Makes the handle watch exactly what is waited for. */
  #watch(): void {
    if (this.#closed) return
    const readable = this.#read !== null
    const writable = this.#write !== null
    if (readable === this.#watchingRead && writable === this.#watchingWrite) return
    this.#watchingRead = readable
    this.#watchingWrite = writable
    if (!readable && !writable) {
      this.#handle?.stop()
      return
    }
    if (this.#handle === null) {
      this.#handle = koffi().node.poll(this.fd, { readable, writable }, this.#onReady)
      if (!this.#referenced) this.#handle.unref()
    } else {
      this.#handle.start({ readable, writable }, this.#onReady)
    }
  }
}

interface ReadyEvents {
  readonly readable: boolean
  readonly writable: boolean
}

function settle(wait: Wait): Wait {
  if (wait.onAbort !== undefined) wait.signal!.removeEventListener('abort', wait.onAbort)
  return wait
}

const EPOLL_CTL_ADD = 1

/** koffi 3.3.4 aborts the process for a descriptor that epoll refuses, so epoll is asked beforehand. */
function checkPollable(fd: number): void {
  const libc = bind(null, {
    epollCreate1: ['epoll_create1', 'int', ['int']],
    epollCtl: ['epoll_ctl', 'int', ['int', 'int', 'int', 'void *']],
    // Not fs.closeSync: in a worker Node warns of descriptors that it did not open.
    close: ['close', 'int', ['int']],
  })
  const epoll = check(libc.epollCreate1(0), 'epoll_create1')
  try {
    check(libc.epollCtl(epoll, EPOLL_CTL_ADD, fd, new Uint8Array(16)), 'epoll_ctl')
  } finally {
    libc.close(epoll)
  }
}
