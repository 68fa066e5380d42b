/**
 * Follows the name, index, MTU and up or down of a TUN, wherever it is moved. In our own network namespace by rtnetlink
 * events, without polling. In another it is visited once a second: a socket kept there would keep that namespace, and with
 * it the interface, alive for ever after its owner deleted it.
 */
import { EIO, ENOBUFS, SystemError } from '@wireweave/ffi/errno'
import { NativeMemory } from '@wireweave/ffi/memory'
import { Readiness } from '@wireweave/ffi/poll'
import {
  findLink,
  readLink,
  RTM_DELLINK,
  RTM_NEWLINK,
  RTMGRP_LINK,
  setLinkMtu,
  setLinkUp,
} from '@wireweave/netlink/link'
import { NETLINK_ROUTE, NetlinkSocket } from '@wireweave/netlink/socket'
import type { System } from './abi.js'
import { interfaceName } from './binding.js'
import { inNamespaceOf, isInOurNamespace } from './namespace.js'

export interface LinkState {
  readonly name: string
  /** 0 while it cannot be known. */
  readonly index: number
  /** 0 while it cannot be known. */
  readonly mtu: number
  readonly isUp: boolean
}

export interface LinkListener {
  /** The state differs from the one before. */
  onChange(): void
  /** The interface does not exist any more. */
  onGone(): void
}

const POLL_INTERVAL_MS = 1000
/** After a change more changes follow: who moves an interface then names it, gives it an MTU and brings it up. */
const BUSY_INTERVAL_MS = 25
const BUSY_LOOKS = 400
const RETRY_MS = 10
const POLLOUT = 4
const POLLERR = 8

/** Sockets in our namespace, while the interface is there too. */
interface Sockets {
  readonly requests: NetlinkSocket
  readonly events: NetlinkSocket
  readonly readiness: Readiness
}

export class LinkWatch {
  readonly #system: System
  readonly #fd: number
  readonly #listener: LinkListener
  readonly #pollRequest = new NativeMemory(8)
  #state: LinkState
  #sockets: Sockets | null = null
  #timer: ReturnType<typeof setTimeout> | null = null
  /** How many more looks are made in quick succession. */
  #busyLooks = 0

  /** Throws a `SystemError` when `fd` is not an attached TUN. */
  constructor(system: System, fd: number, listener: LinkListener) {
    this.#system = system
    this.#fd = fd
    this.#listener = listener
    const name = interfaceName(system, fd)
    if (name === null) throw new SystemError('TUNGETIFF', system.errno())
    this.#state = { name, index: 0, mtu: 0, isUp: false }
    this.#follow()
  }

  get state(): LinkState {
    return this.#state
  }

  /** True while changes are told by events, false while the interface is elsewhere and visited once a second. */
  get isEventDriven(): boolean {
    return this.#sockets !== null
  }

  /** Throws a `SystemError`. */
  setMtu(mtu: number): void {
    this.#change((requests) => setLinkMtu(requests, this.#state.index, mtu))
  }

  /** Throws a `SystemError`. */
  setUp(isUp: boolean): void {
    this.#change((requests) => setLinkUp(requests, this.#state.index, isUp))
  }

  close(): void {
    this.#leave()
  }

  #change(work: (requests: NetlinkSocket) => void): void {
    const change = (requests: NetlinkSocket): void => {
      work(requests)
      this.#refresh(requests)
    }
    if (this.#sockets !== null) change(this.#sockets.requests)
    else this.#visit(change)
  }

  /** Does something in the namespace of the interface, with a socket that does not outlast it. */
  #visit<T>(work: (requests: NetlinkSocket) => T): T {
    return inNamespaceOf(this.#system, this.#fd, () => {
      using requests = new NetlinkSocket(NETLINK_ROUTE)
      return work(requests)
    })
  }

  /** Listens when the interface is in our namespace, visits it when it is not. */
  #follow(): void {
    this.#leave()
    if (interfaceName(this.#system, this.#fd) === null) return this.#listener.onGone()
    if (!isInOurNamespace(this.#system, this.#fd)) {
      this.#busyLooks = BUSY_LOOKS
      return this.#lookOn()
    }
    const sockets = openSockets()
    this.#sockets = sockets
    // The subscription came first: nothing falls between the answer and the first event.
    if (!this.#refresh(sockets.requests)) {
      // On its way to another namespace, or out of this world.
      this.#leave()
      this.#timer = setTimeout(() => this.#follow(), RETRY_MS).unref()
    } else if (this.#sockets === sockets) void this.#hear(sockets)
  }

  #leave(): void {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    if (this.#sockets === null) return
    this.#sockets.readiness.close()
    this.#sockets.events.close()
    this.#sockets.requests.close()
    this.#sockets = null
  }

  async #hear(sockets: Sockets): Promise<void> {
    while (await isReadable(sockets.readiness)) {
      if (this.#receive(sockets)) this.#follow()
    }
  }

  /** Takes one datagram of events. True when the interface left this namespace. */
  #receive({ requests, events }: Sockets): boolean {
    let hasLeft = false
    let hasChanged = false
    try {
      for (const { type, payload } of events.receive()) {
        if (type !== RTM_NEWLINK && type !== RTM_DELLINK) continue
        if (readLink(payload).index !== this.#state.index) continue
        if (type === RTM_DELLINK) hasLeft = true
        else hasChanged = true
      }
      // An event tells how it was when it was queued, which may be before a change of ours that we know of already.
      if (hasChanged && !hasLeft) return !this.#refresh(requests)
      return hasLeft
    } catch (error) {
      if (!(error instanceof SystemError)) throw error
      // Too many events for the socket's buffer: what they said must be asked for.
      return error.errno === ENOBUFS ? !this.#refresh(requests) : false
    }
  }

  /** False when there is no interface of our name here. */
  #refresh(requests: NetlinkSocket): boolean {
    const name = interfaceName(this.#system, this.#fd)
    const link = name === null ? null : findLink(requests, name)
    if (link === null) return false
    this.#update({ name: link.name, index: link.index, mtu: link.mtu, isUp: link.isUp })
    return true
  }

  #update(state: LinkState): void {
    const before = this.#state
    this.#state = state
    if (this.#hasChanged(before)) this.#listener.onChange()
  }

  #hasChanged(before: LinkState): boolean {
    const { name, index, mtu, isUp } = this.#state
    return before.name !== name || before.index !== index || before.mtu !== mtu || before.isUp !== isUp
  }

  /** Looks now and again later: soon after a change, once a second when it has been quiet for some time. */
  #lookOn(): void {
    const before = this.#state
    const delay = this.#busyLooks > 0 ? BUSY_INTERVAL_MS : POLL_INTERVAL_MS
    if (this.#busyLooks > 0) this.#busyLooks--
    const timer = setTimeout(() => this.#lookOn(), delay).unref()
    this.#timer = timer
    this.#look()
    if (this.#timer === timer && this.#hasChanged(before)) this.#busyLooks = BUSY_LOOKS
  }

  /** While the interface is not in our namespace. */
  #look(): void {
    const name = interfaceName(this.#system, this.#fd)
    if (name === null) return this.#listener.onGone()
    if (isInOurNamespace(this.#system, this.#fd)) return this.#follow()
    try {
      // Not found: it was moved on just now, or is being deleted. The next look will tell.
      this.#visit((requests) => this.#refresh(requests))
    } catch (error) {
      if (!(error instanceof SystemError)) throw error
      this.#lookFromHere(name)
    }
  }

  /** Where its namespace is closed to us. A TUN that is up can be written to; this works from every namespace. */
  #lookFromHere(name: string): void {
    const { view, address } = this.#pollRequest
    view.setInt32(0, this.#fd, true)
    view.setInt16(4, POLLOUT, true)
    view.setInt16(6, 0, true)
    if (this.#system.poll(address, 1, 0) < 0) return
    const ready = view.getInt16(6, true)
    if ((ready & POLLERR) !== 0) return this.#listener.onGone()
    this.#update({ ...this.#state, name, isUp: (ready & POLLOUT) !== 0 && !this.#refusesWrites() })
  }

  /** Before Linux 5.1 a TUN was writable even when down, but refused an empty write with EIO instead of EINVAL. */
  #refusesWrites(): boolean {
    return this.#system.write(this.#fd, this.#pollRequest.address, 0) < 0 && this.#system.errno() === EIO
  }
}

function openSockets(): Sockets {
  const requests = new NetlinkSocket(NETLINK_ROUTE)
  try {
    const events = new NetlinkSocket(NETLINK_ROUTE, RTMGRP_LINK)
    return { requests, events, readiness: new Readiness(events.fd).unref() }
  } catch (error) {
    requests.close()
    throw error
  }
}

/** False when the wait was ended by closing. */
function isReadable(readiness: Readiness): Promise<boolean> {
  return readiness.readable().then(
    () => true,
    () => false,
  )
}
