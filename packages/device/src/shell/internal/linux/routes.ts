/** Asks the kernel's routing, by rtnetlink, and hears when it changes. */
import { check, errno } from '@wireweave/ffi/errno'
import { bind } from '@wireweave/ffi/library'
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  NETLINK_ROUTE,
  NLM_F_REQUEST,
  NLMSGHDR,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCKADDR_NL,
} from '@wireweave/ffi/linux'
import { NativeMemory } from '@wireweave/ffi/memory'
import { Readiness } from '@wireweave/ffi/poll'
import {
  ENDPOINT_ADDRESS,
  ENDPOINT_FAMILY,
  ENDPOINT_LOCAL,
  ENDPOINT_LOCAL_INDEX,
  ENDPOINT_SCOPE,
} from '../../../core/endpoint.js'

// linux/rtnetlink.h
const RTMGRP_IPV4_IFADDR = 0x10
const RTMGRP_IPV4_ROUTE = 0x40
const RTMGRP_IPV6_IFADDR = 0x100
const RTMGRP_IPV6_ROUTE = 0x400
const GROUPS = RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE
const RTM_NEWROUTE = 24
const RTM_GETROUTE = 26
/** `rtmsg`: family, lengths of destination and source in bits, and what a request leaves zero. */
const RTMSG_BYTES = 12
const RTA_DST = 1
const RTA_SRC = 2
const RTA_OIF = 4
const RTA_MARK = 16

const BUFFER_BYTES = 4096

interface NetlinkCalls {
  socket(domain: number, type: number, protocol: number): number
  bind(fd: number, name: number, length: number): number
  send(fd: number, message: number, length: number, flags: number): number
  recv(fd: number, buffer: number, length: number, flags: number): number
  close(fd: number): number
}

/** `null` where rtnetlink is closed to us, as in some sandboxes. */
export function openRoutes(): Routes | null {
  const calls: NetlinkCalls = bind(null, {
    socket: ['socket', 'int', ['int', 'int', 'int']],
    bind: ['bind', 'int', ['int', 'uintptr_t', 'uint']],
    send: ['send', 'long', ['int', 'uintptr_t', 'size_t', 'int']],
    recv: ['recv', 'long', ['int', 'uintptr_t', 'size_t', 'int']],
    close: ['close', 'int', ['int']],
  })
  const open: number[] = []
  try {
    for (const groups of [GROUPS, 0]) open.push(openSocket(calls, groups))
    return new Routes(calls, open[0]!, open[1]!)
  } catch {
    for (const fd of open) calls.close(fd)
    return null
  }
}

function openSocket(calls: NetlinkCalls, groups: number): number {
  const fd = check(calls.socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE), 'socket')
  const name = new NativeMemory(SOCKADDR_NL.size)
  name.view.setUint16(SOCKADDR_NL.family, AF_NETLINK, true)
  name.view.setUint32(SOCKADDR_NL.groups, groups, true)
  if (calls.bind(fd, name.address, SOCKADDR_NL.size) === 0) return fd
  const code = errno()
  calls.close(fd)
  throw new Error(`bind: ${code}`)
}

export class Routes {
  readonly #calls: NetlinkCalls
  readonly #events: number
  readonly #queries: number
  readonly #readiness: Readiness
  readonly #memory: NativeMemory = new NativeMemory(BUFFER_BYTES)
  #sequence = 0
  #listener: () => void = () => undefined
  #closed = false

  constructor(calls: NetlinkCalls, events: number, queries: number) {
    this.#calls = calls
    this.#events = events
    this.#queries = queries
    this.#readiness = new Readiness(events).unref()
    this.#wait()
  }

  onChange(listener: () => void): void {
    this.#listener = listener
  }

  /**
   * Whether a datagram to the record's remote address from its local one would leave through another interface than the
   * record's, or not at all.
   */
  leavesElsewhere(records: Uint8Array, at: number, mark: number): boolean {
    const index = readIndex(records, at + ENDPOINT_LOCAL_INDEX)
    if (index === 0 || this.#closed) return false
    // A scope is an interface.
    const scope = readIndex(records, at + ENDPOINT_SCOPE)
    if (scope !== 0) return scope !== index
    const interfaceIndex = this.#ask(records, at, mark)
    return interfaceIndex !== null && interfaceIndex !== index
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#readiness.close()
    this.#calls.close(this.#events)
    this.#calls.close(this.#queries)
  }

  /** The interface that routing chooses, 0 when there is no route; `null` when nothing could be learned. */
  #ask(records: Uint8Array, at: number, mark: number): number | null {
    const { bytes, view, address } = this.#memory
    const isV4 = records[at + ENDPOINT_FAMILY] === 4
    const addressBytes = isV4 ? 4 : 16
    bytes.fill(0, 0, NLMSGHDR.size + RTMSG_BYTES)
    bytes[NLMSGHDR.size] = isV4 ? AF_INET : AF_INET6
    bytes[NLMSGHDR.size + 1] = addressBytes * 8
    bytes[NLMSGHDR.size + 2] = addressBytes * 8
    let end = NLMSGHDR.size + RTMSG_BYTES
    const put = (type: number, value: Uint8Array): void => {
      view.setUint16(end, 4 + value.length, true)
      view.setUint16(end + 2, type, true)
      bytes.set(value, end + 4)
      end += 4 + value.length
    }
    put(RTA_DST, records.subarray(at + ENDPOINT_ADDRESS, at + ENDPOINT_ADDRESS + addressBytes))
    put(RTA_SRC, records.subarray(at + ENDPOINT_LOCAL, at + ENDPOINT_LOCAL + addressBytes))
    put(RTA_MARK, new Uint8Array(Uint32Array.of(mark).buffer))
    const sequence = ++this.#sequence
    view.setUint32(NLMSGHDR.len, end, true)
    view.setUint16(NLMSGHDR.type, RTM_GETROUTE, true)
    view.setUint16(NLMSGHDR.flags, NLM_F_REQUEST, true)
    view.setUint32(NLMSGHDR.seq, sequence, true)
    if (this.#calls.send(this.#queries, address, end, 0) < 0) return null
    // The kernel has answered by the time it has taken the request.
    const length = this.#calls.recv(this.#queries, address, BUFFER_BYTES, 0)
    if (length < NLMSGHDR.size || view.getUint32(NLMSGHDR.seq, true) !== sequence) return null
    return view.getUint16(NLMSGHDR.type, true) === RTM_NEWROUTE ? readInterface(view, length) : 0
  }

  #wait(): void {
    this.#readiness.readable().then(
      () => {
        if (this.#closed) return
        // What changed does not matter. An overrun reads as ENOBUFS and is a change, too.
        while (this.#calls.recv(this.#events, this.#memory.address, BUFFER_BYTES, 0) > 0);
        this.#wait()
        this.#listener()
      },
      () => undefined,
    )
  }
}

function readInterface(view: DataView, length: number): number {
  const end = Math.min(length, view.getUint32(NLMSGHDR.len, true))
  for (let at = NLMSGHDR.size + RTMSG_BYTES; at + 8 <= end;) {
    const attribute = view.getUint16(at, true)
    if (view.getUint16(at + 2, true) === RTA_OIF) return view.getUint32(at + 4, true)
    if (attribute < 4) break
    at += (attribute + 3) & ~3
  }
  return 0
}

function readIndex(table: Uint8Array, at: number): number {
  return (table[at]! | (table[at + 1]! << 8) | (table[at + 2]! << 16) | (table[at + 3]! << 24)) >>> 0
}
