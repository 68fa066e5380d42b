/** UDP (RFC 768, RFC 8085): sockets by port. */
import { get16, put16, sameBytes } from './bytes.js'
import { checksumHolds, pseudoHeaderSum, transportChecksum, writeIp } from './ip/header.js'
import type { IpPacket } from './ip/packet.js'
import { ipHeaderBytes, UDP } from './ip/protocol.js'
import type { NetworkErrorCode } from './tcp/connection.js'

export const UDP_HEADER_BYTES = 8

export interface UdpHandler {
  /** The bytes are only lent. */
  onMessage(data: Uint8Array, remote: Uint8Array, remotePort: number): void
  /** ICMP said that what was sent to there did not arrive. */
  onError(code: NetworkErrorCode, remote: Uint8Array, remotePort: number): void
}

export interface UdpRemote {
  readonly address: Uint8Array
  readonly port: number
}

export class UdpSocket {
  /** `null` for every address of the stack. */
  readonly address: Uint8Array | null
  readonly port: number
  /** For everyone else the port is closed; `null` takes from all. */
  readonly remote: UdpRemote | null
  readonly handler: UdpHandler
  isClosed = false

  constructor(address: Uint8Array | null, port: number, remote: UdpRemote | null, handler: UdpHandler) {
    this.address = address
    this.port = port
    this.remote = remote
    this.handler = handler
  }
}

export class UdpTable {
  readonly #sockets = new Map<number, UdpSocket[]>()

  add(socket: UdpSocket): void {
    const others = this.#sockets.get(socket.port)
    if (others === undefined) this.#sockets.set(socket.port, [socket])
    else others.push(socket)
  }

  remove(socket: UdpSocket): void {
    const left = (this.#sockets.get(socket.port) ?? []).filter((other) => other !== socket)
    if (left.length === 0) this.#sockets.delete(socket.port)
    else this.#sockets.set(socket.port, left)
  }

  all(): UdpSocket[] {
    return [...this.#sockets.values()].flat()
  }

  /** Would a socket for `address` share its messages with another? */
  isTaken(address: Uint8Array | null, port: number): boolean {
    return (this.#sockets.get(port) ?? []).some(
      (other) => other.address === null || address === null || sameAddress(other.address, address),
    )
  }

  /** Both addresses lie in `bytes`, `length` each. */
  find(
    bytes: Uint8Array,
    localAt: number,
    remoteAt: number,
    length: number,
    port: number,
    remotePort: number,
  ): UdpSocket | null {
    for (const socket of this.#sockets.get(port) ?? []) {
      const { address, remote } = socket
      if (address !== null && !isAt(bytes, localAt, length, address)) continue
      if (remote === null || (remote.port === remotePort && isAt(bytes, remoteAt, length, remote.address)))
        return socket
    }
    return null
  }
}

function isAt(bytes: Uint8Array, at: number, length: number, address: Uint8Array): boolean {
  return address.length === length && sameBytes(bytes, at, address, 0, length)
}

function sameAddress(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && sameBytes(a, 0, b, 0, a.length)
}

/** Does it hold? Its length field may be less than what IP carries, and IPv4 may leave the checksum out (RFC 768). */
export function isSoundUdp(packet: IpPacket): boolean {
  const { bytes, payload, payloadBytes } = packet
  if (payloadBytes < UDP_HEADER_BYTES) return false
  const length = get16(bytes, payload + 4)
  if (length < UDP_HEADER_BYTES || length > payloadBytes) return false
  packet.payloadBytes = length
  // RFC 8200 §8.1: not so IPv6.
  if (get16(bytes, payload + 6) === 0) return packet.version === 4
  return checksumHolds(packet)
}

/** Returns the length of the packet. IPv4 routers may fragment it: `identification` is random (RFC 6864, RFC 7739). */
export function writeUdp(
  target: Uint8Array,
  start: number,
  local: Uint8Array,
  localPort: number,
  remote: Uint8Array,
  remotePort: number,
  data: Uint8Array,
  identification: number,
): number {
  const length = UDP_HEADER_BYTES + data.length
  const at = start + ipHeaderBytes(local.length === 4 ? 4 : 6)
  writeIp(target, start, UDP, length, local, remote, identification & 0xffff)
  put16(target, at, localPort)
  put16(target, at + 2, remotePort)
  put16(target, at + 4, length)
  put16(target, at + 6, 0)
  target.set(data, at + UDP_HEADER_BYTES)
  // A sum of zero is sent as all ones: zero means none.
  put16(target, at + 6, transportChecksum(target, at, length, pseudoHeaderSum(local, remote, UDP)) || 0xffff)
  return at - start + length
}
