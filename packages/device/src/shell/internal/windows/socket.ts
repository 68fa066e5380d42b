/** One UDP socket of one family, with the options that a bind wants. */
import { NativeMemory } from '@wireweave/ffi/memory'
import { AF_INET, AF_INET6, SOCKADDR_INET } from '@wireweave/ffi/win32/sockaddr'
import * as winsock from '@wireweave/ffi/win32/winsock'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { SOCKET_BUFFER_BYTES } from '../../bind.js'
import { bindError } from '../bind-errors.js'
import type { ReceiveMessage, WinsockCalls } from './calls.js'

/** What the Windows of a socket can do. */
export interface SocketFeatures {
  /** Many datagrams of one size and one endpoint as one message (UDP_SEND_MSG_SIZE, Windows 10 2004). */
  readonly segmentation: boolean
  /** The same on the way in (UDP_RECV_MAX_COALESCED_SIZE, Windows 10 2004). */
  readonly coalescing: boolean
}

export type Family = 4 | 6

/** The most bytes that one message may be made of on the way in: a payload of UDP. */
const MAX_COALESCED_BYTES = 65507

export interface UdpSocket {
  readonly handle: number
  readonly family: Family
  readonly port: number
  readonly segmentation: boolean
  /** `null`: datagrams come one by one. */
  readonly receiveMessage: ReceiveMessage | null
}

/** `null` when this system does not have the family. */
export function openUdpSocket(
  calls: WinsockCalls,
  family: Family,
  port: number,
  wanted: SocketFeatures,
): UdpSocket | null {
  const handle = calls.socket(family === 4 ? AF_INET : AF_INET6)
  if (handle < 0) {
    const code = calls.lastError()
    if (code === winsock.WSAEAFNOSUPPORT || code === winsock.WSAEPROTONOSUPPORT) return null
    throw bindError(winsock.winsockName(code), port)
  }
  try {
    setOptions(calls, handle, family)
    const features = setFeatures(calls, handle, wanted)
    const bound = bindSocket(calls, handle, family, port)
    if (bound !== null) return { handle, family, port: bound, ...features }
  } catch (error) {
    calls.close(handle)
    throw error
  }
  calls.close(handle)
  return null
}

/**
 * The interface that datagrams of this socket leave by, whatever the routes say; 0 for what they say. False when Windows
 * refuses. IPv4 has the index in network byte order, IPv6 has not.
 */
export function setOutgoingInterface(calls: WinsockCalls, { handle, family }: UdpSocket, index: number): boolean {
  const { view, address } = scratchMemory()
  view.setUint32(0, index, family === 6)
  const [level, option] =
    family === 4 ? [winsock.IPPROTO_IP, winsock.IP_UNICAST_IF] : [winsock.IPPROTO_IPV6, winsock.IPV6_UNICAST_IF]
  return calls.setsockopt(handle, level, option, address, 4) === 0
}

/** What {@link setOutgoingInterface} set; `null` when Windows does not tell. */
export function outgoingInterface(calls: WinsockCalls, { handle, family }: UdpSocket): number | null {
  const { view, address } = scratchMemory()
  view.setUint32(LENGTH_AT, 4, true)
  const [level, option] =
    family === 4 ? [winsock.IPPROTO_IP, winsock.IP_UNICAST_IF] : [winsock.IPPROTO_IPV6, winsock.IPV6_UNICAST_IF]
  const result = calls.getsockopt(handle, level, option, address, address + LENGTH_AT)
  return result === 0 ? view.getUint32(0, family === 6) : null
}

function setOptions(calls: WinsockCalls, handle: number, family: Family): void {
  const set = (level: number, option: number, value: number): boolean => setOption(calls, handle, level, option, value)
  if (family === 6 && !set(winsock.IPPROTO_IPV6, winsock.IPV6_V6ONLY, 1))
    throw bindError(winsock.winsockName(calls.lastError()), 0)
  set(winsock.SOL_SOCKET, winsock.SO_EXCLUSIVEADDRUSE, 1)
  set(winsock.SOL_SOCKET, winsock.SO_RCVBUF, SOCKET_BUFFER_BYTES)
  set(winsock.SOL_SOCKET, winsock.SO_SNDBUF, SOCKET_BUFFER_BYTES)
  // An ICMP error that answers one datagram would make the next receive fail.
  calls.control(handle, winsock.SIO_UDP_CONNRESET, 0)
  calls.control(handle, winsock.SIO_UDP_NETRESET, 0)
}

function setFeatures(
  calls: WinsockCalls,
  handle: number,
  wanted: SocketFeatures,
): Pick<UdpSocket, 'segmentation' | 'receiveMessage'> {
  const { view, address } = scratchMemory()
  view.setUint32(LENGTH_AT, 4, true)
  const option = winsock.UDP_SEND_MSG_SIZE
  const segmentation =
    wanted.segmentation && calls.getsockopt(handle, winsock.IPPROTO_UDP, option, address, address + LENGTH_AT) === 0
  // Without the call that tells where to cut, coalesced datagrams would be lost.
  const receiveMessage = wanted.coalescing ? calls.receiveMessageOf(handle) : null
  const coalesces =
    receiveMessage !== null &&
    setOption(calls, handle, winsock.IPPROTO_UDP, winsock.UDP_RECV_MAX_COALESCED_SIZE, MAX_COALESCED_BYTES)
  return { segmentation, receiveMessage: coalesces ? receiveMessage : null }
}

const LENGTH_AT = 60
const scratch: { memory: NativeMemory | null } = { memory: null }

function scratchMemory(): NativeMemory {
  scratch.memory ??= new NativeMemory(64)
  return scratch.memory
}

function setOption(calls: WinsockCalls, handle: number, level: number, option: number, value: number): boolean {
  const { view, address } = scratchMemory()
  view.setUint32(0, value, true)
  return calls.setsockopt(handle, level, option, address, 4) === 0
}

/** Bytes of a name of this family. */
export function nameBytes(family: Family): number {
  return family === 4 ? 16 : SOCKADDR_INET.size
}

/** Binds to the wildcard address and returns the port; `null` when the family has no addresses here. */
function bindSocket(calls: WinsockCalls, handle: number, family: Family, port: number): number | null {
  const { bytes, view, address } = scratchMemory()
  bytes.fill(0)
  view.setUint16(SOCKADDR_INET.family, family === 4 ? AF_INET : AF_INET6, true)
  view.setUint16(SOCKADDR_INET.port, port)
  if (calls.bind(handle, address, nameBytes(family)) !== 0) {
    const code = calls.lastError()
    if (code === winsock.WSAEADDRNOTAVAIL || code === winsock.WSAEAFNOSUPPORT) return null
    throw bindError(winsock.winsockName(code), port)
  }
  view.setUint32(LENGTH_AT, SOCKADDR_INET.size, true)
  if (calls.getsockname(handle, address, address + LENGTH_AT) !== 0)
    throw new WireGuardError('SYSTEM', `getsockname failed: ${winsock.winsockName(calls.lastError())}`)
  return view.getUint16(SOCKADDR_INET.port)
}
