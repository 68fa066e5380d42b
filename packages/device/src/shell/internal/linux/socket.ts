/** One UDP socket of one family, with the options that a bind wants. */
import { release } from 'node:os'
import { EADDRNOTAVAIL, EAFNOSUPPORT, errnoName } from '@wireweave/ffi/errno'
import * as linux from '@wireweave/ffi/linux'
import { NativeMemory } from '@wireweave/ffi/memory'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { SOCKET_BUFFER_BYTES } from '../../bind.js'
import { bindError, markError } from '../bind-errors.js'
import type { SocketCalls } from './calls.js'

/** What the kernel of a socket can do, or is allowed to. */
export interface SocketFeatures {
  /** Many datagrams of one size and one endpoint as one message (UDP_SEGMENT, Linux 4.18). */
  readonly segmentation: boolean
  /** The same on the way in (UDP_GRO, Linux 5.12). */
  readonly coalescing: boolean
  /** Answers leave from the address that was asked (IP_PKTINFO). */
  readonly stickySource: boolean
  /** DSCP and ECN of each datagram, both ways. */
  readonly trafficClass: boolean
}

export type Family = 4 | 6

export class UdpSocket {
  readonly fd: number
  readonly family: Family
  readonly port: number
  readonly features: SocketFeatures
  readonly #calls: SocketCalls

  constructor(calls: SocketCalls, fd: number, family: Family, port: number, features: SocketFeatures) {
    this.#calls = calls
    this.fd = fd
    this.family = family
    this.port = port
    this.features = features
  }

  /** Throws and changes nothing when the kernel refuses. */
  setMark(mark: number): void {
    if (!setOption(this.#calls, this.fd, linux.SOL_SOCKET, linux.SO_MARK, mark))
      throw markError(errnoName(this.#calls.errno()))
  }

  close(): void {
    this.#calls.close(this.fd)
  }
}

/** `null` when this system does not have the family. */
export function openUdpSocket(
  calls: SocketCalls,
  family: Family,
  port: number,
  mark: number,
  wanted: SocketFeatures,
): UdpSocket | null {
  const domain = family === 4 ? linux.AF_INET : linux.AF_INET6
  const fd = calls.socket(domain, linux.SOCK_DGRAM | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC, 0)
  if (fd < 0) {
    const errno = calls.errno()
    if (errno === EAFNOSUPPORT) return null
    throw bindError(errnoName(errno), port)
  }
  try {
    const features = family === 4 ? setOptionsV4(calls, fd, wanted) : setOptionsV6(calls, fd, wanted)
    if (mark !== 0 && !setOption(calls, fd, linux.SOL_SOCKET, linux.SO_MARK, mark))
      throw markError(errnoName(calls.errno()))
    const bound = bindSocket(calls, fd, family, port)
    if (bound !== null) return new UdpSocket(calls, fd, family, bound, features)
  } catch (error) {
    calls.close(fd)
    throw error
  }
  calls.close(fd)
  return null
}

function setOptionsV4(calls: SocketCalls, fd: number, wanted: SocketFeatures): SocketFeatures {
  const on = (level: number, name: number): boolean => setOption(calls, fd, level, name, 1)
  // Routers may fragment what is too long for them, as with the kernel's WireGuard: DF is never set.
  setOption(calls, fd, linux.IPPROTO_IP, linux.IP_MTU_DISCOVER, linux.IP_PMTUDISC_DONT)
  return {
    ...setCommonOptions(calls, fd, wanted),
    stickySource: wanted.stickySource && on(linux.IPPROTO_IP, linux.IP_PKTINFO),
    trafficClass: wanted.trafficClass && on(linux.IPPROTO_IP, linux.IP_RECVTOS),
  }
}

function setOptionsV6(calls: SocketCalls, fd: number, wanted: SocketFeatures): SocketFeatures {
  const on = (name: number): boolean => setOption(calls, fd, linux.IPPROTO_IPV6, name, 1)
  if (!on(linux.IPV6_V6ONLY)) throw bindError(errnoName(calls.errno()), 0)
  return {
    ...setCommonOptions(calls, fd, wanted),
    stickySource: wanted.stickySource && on(linux.IPV6_RECVPKTINFO),
    trafficClass: wanted.trafficClass && on(linux.IPV6_RECVTCLASS),
  }
}

function setCommonOptions(
  calls: SocketCalls,
  fd: number,
  wanted: SocketFeatures,
): Pick<SocketFeatures, 'segmentation' | 'coalescing'> {
  const set = (level: number, name: number, value: number): boolean => setOption(calls, fd, level, name, value)
  // Beyond net.core.[rw]mem_max only with CAP_NET_ADMIN; without it the kernel grants what it allows.
  if (!set(linux.SOL_SOCKET, linux.SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES))
    set(linux.SOL_SOCKET, linux.SO_RCVBUF, SOCKET_BUFFER_BYTES)
  if (!set(linux.SOL_SOCKET, linux.SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES))
    set(linux.SOL_SOCKET, linux.SO_SNDBUF, SOCKET_BUFFER_BYTES)
  return {
    // A kernel that does not know the option would ignore the control message and send one giant datagram.
    segmentation: wanted.segmentation && set(linux.IPPROTO_UDP, linux.UDP_SEGMENT, 0),
    // Before 5.12 coalesced datagrams could arrive with a wrong segment size.
    coalescing: wanted.coalescing && kernelIsAtLeast(5, 12) && set(linux.IPPROTO_UDP, linux.UDP_GRO, 1),
  }
}

function kernelIsAtLeast(major: number, minor: number): boolean {
  const [haveMajor = 0, haveMinor = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10))
  return haveMajor > major || (haveMajor === major && haveMinor >= minor)
}

const scratch: { memory: NativeMemory | null } = { memory: null }

function scratchMemory(): NativeMemory {
  scratch.memory ??= new NativeMemory(64)
  return scratch.memory
}

function setOption(calls: SocketCalls, fd: number, level: number, name: number, value: number): boolean {
  const { view, address } = scratchMemory()
  view.setUint32(0, value, true)
  return calls.setsockopt(fd, level, name, address, 4) === 0
}

/** Binds to the wildcard address and returns the port; `null` when the family has no addresses here. */
function bindSocket(calls: SocketCalls, fd: number, family: Family, port: number): number | null {
  const { bytes, view, address } = scratchMemory()
  const size = family === 4 ? linux.SOCKADDR_IN.size : linux.SOCKADDR_IN6.size
  bytes.fill(0)
  view.setUint16(linux.SOCKADDR_IN.family, family === 4 ? linux.AF_INET : linux.AF_INET6, true)
  view.setUint16(linux.SOCKADDR_IN.port, port)
  if (calls.bind(fd, address, size) !== 0) {
    const errno = calls.errno()
    if (errno === EADDRNOTAVAIL || errno === EAFNOSUPPORT) return null
    throw bindError(errnoName(errno), port)
  }
  const lengthAt = 60
  view.setUint32(lengthAt, size, true)
  if (calls.getsockname(fd, address, address + lengthAt) !== 0) {
    throw new WireGuardError('SYSTEM', `getsockname failed: ${errnoName(calls.errno())}`)
  }
  return view.getUint16(linux.SOCKADDR_IN.port)
}
