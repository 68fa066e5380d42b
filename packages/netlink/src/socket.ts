/** A netlink socket for requests. The kernel answers within the call, so waiting here is not waiting for anybody else. */
import { EBUSY, EINTR, errno, errnoName, SystemError } from '@wireweave/ffi/errno'
import { bind } from '@wireweave/ffi/library'
import type { Bound, CTable } from '@wireweave/ffi/library'
import { AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW, SOL_SOCKET } from '@wireweave/ffi/linux'
import { NativeMemory } from '@wireweave/ffi/memory'
import {
  HEADER_BYTES,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  readAttributes,
  readMessages,
  readString,
} from './message.js'
import type { Message } from './message.js'

export const NETLINK_ROUTE = 0
export const NETLINK_GENERIC = 16

const SOL_NETLINK = 270
const NETLINK_EXT_ACK = 11
const NETLINK_CAP_ACK = 10
const NETLINK_GET_STRICT_CHK = 12
const SO_RCVTIMEO = 20
const NLMSGERR_ATTR_MSG = 1
const NLM_F_ACK_TLVS = 0x200
/** The kernel fills at most 32 KiB of a dump at a time. */
const RECEIVE_BYTES = 65536
const ANSWER_SECONDS = 10
const DUMP_ATTEMPTS = 5

const TABLE = {
  socket: ['socket', 'int', ['int', 'int', 'int']],
  setsockopt: ['setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint']],
  bind: ['bind', 'int', ['int', 'void *', 'uint']],
  send: ['send', 'long', ['int', 'void *', 'size_t', 'int']],
  recv: ['recv', 'long', ['int', 'void *', 'size_t', 'int']],
  close: ['close', 'int', ['int']],
} as const satisfies CTable

/** The kernel refused a request. `errno` is its number, `code` its name, the message holds the kernel's own words if it gave any. */
export class NetlinkError extends SystemError {
  constructor(what: string, errno: number, detail: string) {
    super(what, errno)
    this.name = 'NetlinkError'
    if (detail !== '') this.message = `${what}: ${detail} (${errnoName(errno)})`
  }
}

export class NetlinkSocket implements Disposable {
  /** For whoever waits for multicast messages with `@wireweave/ffi/poll`. */
  readonly fd: number
  readonly #libc: Bound<typeof TABLE>
  readonly #receive = new NativeMemory(RECEIVE_BYTES)
  #sequence = 1
  #closed = false

  /** `groups` is the bit mask of multicast groups to hear (RTMGRP_…). Throws a `SystemError`. */
  constructor(protocol: number, groups: number = 0) {
    this.#libc = bind(null, TABLE)
    this.fd = this.#libc.socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)
    if (this.fd < 0) throw new SystemError('socket(AF_NETLINK)', errno())
    const address = new NativeMemory(12)
    address.view.setUint16(0, AF_NETLINK, true)
    address.view.setUint32(8, groups, true)
    if (this.#libc.bind(this.fd, address.bytes, 12) < 0) {
      const code = errno()
      this.close()
      throw new SystemError('bind(AF_NETLINK)', code)
    }
    // Niceties of newer kernels: the reason for a refusal in words, without the refused message behind it.
    for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK])
      this.#setOption(SOL_NETLINK, option, Uint8Array.of(1, 0, 0, 0))
    const timeout = new Uint8Array(16)
    timeout[0] = ANSWER_SECONDS
    this.#setOption(SOL_SOCKET, SO_RCVTIMEO, timeout)
  }

  /**
   * Lets the kernel (4.20 or later) filter dumps by what their request names, and refuse a request with more than it
   * knows. Older kernels send everything: filter again.
   */
  filterDumps(): void {
    this.#setOption(SOL_NETLINK, NETLINK_GET_STRICT_CHK, Uint8Array.of(1, 0, 0, 0))
  }

  /** Sends a request and waits for its acknowledgement; `what` names it in the error. Throws {@link NetlinkError}. */
  request(message: Uint8Array, what: string): void {
    this.#exchange(message, NLM_F_ACK, what, () => {})
  }

  /** Sends a request that has one answer, and returns the payload: a copy. */
  get(message: Uint8Array, what: string): Uint8Array {
    let answer: Uint8Array | null = null
    this.#exchange(message, NLM_F_ACK, what, ({ payload }) => (answer ??= payload.slice()))
    if (answer === null) throw new NetlinkError(what, EBUSY, 'the kernel gave no answer')
    return answer
  }

  /**
   * All parts of a dump: copies of the payloads, the caller's to wipe. Asked again when the kernel says that it changed
   * under way; what changes all the time is returned as it is after {@link DUMP_ATTEMPTS}.
   */
  dump(message: Uint8Array, what: string): Uint8Array[] {
    for (let attempt = 1; ; attempt++) {
      const parts: Uint8Array[] = []
      let torn = false
      let isWhole = false
      try {
        this.#exchange(message, NLM_F_DUMP, what, ({ payload, flags }) => {
          if ((flags & NLM_F_DUMP_INTR) !== 0) torn = true
          parts.push(payload.slice())
        })
        isWhole = !torn || attempt === DUMP_ATTEMPTS
        if (isWhole) return parts
      } finally {
        // Nobody else will: there may be keys in them.
        if (!isWhole) for (const part of parts) part.fill(0)
      }
    }
  }

  /** Multicast messages that have arrived; waits for one when there is none, so ask for readiness first. */
  receive(): Message[] {
    return readMessages(this.#next('netlink').slice())
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#receive.bytes.fill(0)
    this.#libc.close(this.fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #exchange(message: Uint8Array, flags: number, what: string, onMessage: (message: Message) => void): void {
    const sequence = (this.#sequence = (this.#sequence % 0x7fffffff) + 1)
    const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
    view.setUint16(6, view.getUint16(6, true) | flags, true)
    view.setUint32(8, sequence, true)
    if (this.#libc.send(this.fd, message, message.length, 0) < 0) throw new NetlinkError(what, errno(), '')
    for (;;) {
      const datagram = this.#next(what)
      try {
        for (const answer of readMessages(datagram)) {
          if (answer.sequence !== sequence) continue
          if (answer.type === NLMSG_DONE) return
          if (answer.type === NLMSG_ERROR) return throwIfError(answer, what)
          onMessage(answer)
        }
      } finally {
        // The socket may live as long as its tunnel, and keys of that were in here.
        datagram.fill(0)
      }
    }
  }

  #next(what: string): Uint8Array {
    for (;;) {
      const length = this.#libc.recv(this.fd, this.#receive.bytes, RECEIVE_BYTES, 0)
      if (length >= 0) return this.#receive.bytes.subarray(0, length)
      const code = errno()
      if (code !== EINTR) throw new NetlinkError(what, code, 'no answer from the kernel')
    }
  }

  #setOption(level: number, option: number, value: Uint8Array): void {
    this.#libc.setsockopt(this.fd, level, option, value, value.length)
  }
}

/** An acknowledgement is an error message with the number 0. */
function throwIfError({ payload, flags }: Message, what: string): void {
  const code = -new DataView(payload.buffer, payload.byteOffset).getInt32(0, true)
  if (code === 0) return
  let detail = ''
  if ((flags & NLM_F_ACK_TLVS) !== 0) {
    const text = readAttributes(payload.subarray(4 + HEADER_BYTES)).get(NLMSGERR_ATTR_MSG)
    if (text !== undefined) detail = readString(text)
  }
  throw new NetlinkError(what, code, detail)
}
