/** Packets from the network, to whom they belong. */
import { get16, sameBytes } from './bytes.js'
import {
  MAX_UNREACHABLE_BYTES,
  quoted,
  readIcmp,
  readQuoted,
  unreachableCode,
  writeEchoReply,
  writeUnreachable,
} from './icmp.js'
import { isUnicast } from './ip/address.js'
import { checksumHolds, readIp } from './ip/header.js'
import type { LocalAddresses } from './ip/local-addresses.js'
import { newIpPacket } from './ip/packet.js'
import type { PathMtuCache } from './ip/path-mtu.js'
import { ICMP, ICMPV6, ipHeaderBytes, TCP, UDP } from './ip/protocol.js'
import type { Reassembly } from './ip/reassembly.js'
import type { NetworkErrorCode } from './tcp/connection.js'
import { arriveTooBig, arriveUnreachable } from './tcp/icmp-errors.js'
import { arrive } from './tcp/input.js'
import type { Tcp, TcpNetwork } from './tcp/tcp.js'
import { TokenBucket } from './token-bucket.js'
import { isSoundUdp, UDP_HEADER_BYTES, type UdpTable } from './udp.js'

/** ICMP errors and echo replies: how many a second (RFC 4443 §2.4 (f), RFC 1812 §4.3.2.8). */
const ICMP_PER_SECOND = 1000

export interface EchoHandler {
  /** The answer is here. */
  onReply(): void
  onError(code: NetworkErrorCode): void
}

export interface StackStats {
  packetsReceived: number
  packetsSent: number
  /** Dropped: not for us or from nobody; malformed or of a wrong checksum; no room for an answer. */
  notOurs: number
  malformed: number
  unanswered: number
}

export interface ArrivalsOptions {
  readonly network: TcpNetwork
  readonly stats: StackStats
  readonly tcp: Tcp
  readonly udp: UdpTable
  /** By identifier and sequence number. */
  readonly echoes: ReadonlyMap<number, EchoHandler>
  readonly paths: PathMtuCache
  readonly reassembly: Reassembly
  readonly addresses: LocalAddresses
  /** Calls a handler; what it throws stays there. */
  tell(call: () => void): void
}

export class Arrivals {
  readonly #options: ArrivalsOptions
  readonly #packet = newIpPacket()
  readonly #bucket = new TokenBucket(ICMP_PER_SECOND, ICMP_PER_SECOND)

  constructor(options: ArrivalsOptions) {
    this.#options = options
  }

  take(bytes: Uint8Array, at: number, length: number): void {
    const { stats, tcp, reassembly, addresses } = this.#options
    const packet = this.#packet
    stats.packetsReceived++
    if (!readIp(bytes, at, length, packet)) {
      stats.malformed++
      return
    }
    const { source, destination, addressBytes } = packet
    // RFC 1122 §3.2.1.3: nobody sends from a group, and from us only we do. We do not forward.
    const isStrange = !isUnicast(bytes, source, addressBytes) || addresses.has(bytes, source, addressBytes)
    if (isStrange || !addresses.has(bytes, destination, addressBytes)) {
      stats.notOurs++
      return
    }
    if (packet.isFragment && !reassembly.take(packet, tcp.now)) return
    this.#dispatch()
  }

  #dispatch(): void {
    const packet = this.#packet
    const { tcp, stats } = this.#options
    if (packet.protocol === TCP) {
      if (checksumHolds(packet)) arrive(tcp, packet)
      else stats.malformed++
    } else if (packet.protocol === UDP) this.#takeUdp()
    else if (packet.protocol === (packet.version === 4 ? ICMP : ICMPV6)) this.#takeIcmp()
    // RFC 8200 §4.7: nothing follows.
    else if (packet.protocol !== 59) this.#refuse()
  }

  #takeUdp(): void {
    const packet = this.#packet
    const { udp, stats } = this.#options
    if (!isSoundUdp(packet)) {
      stats.malformed++
      return
    }
    const { bytes, payload, payloadBytes, source, addressBytes } = packet
    const port = get16(bytes, payload + 2)
    const remotePort = get16(bytes, payload)
    const socket = udp.find(bytes, packet.destination, source, addressBytes, port, remotePort)
    if (socket === null) {
      this.#refuse()
      return
    }
    const data = bytes.subarray(payload + UDP_HEADER_BYTES, payload + payloadBytes)
    this.#options.tell(() => socket.handler.onMessage(data, bytes.slice(source, source + addressBytes), remotePort))
  }

  #takeIcmp(): void {
    const packet = this.#packet
    switch (readIcmp(packet)) {
      case null:
        this.#options.stats.malformed++
        return
      case 'echoRequest':
        this.#answerEcho()
        return
      case 'echoReply':
        this.#takeEchoReply()
        return
      case 'unreachable':
        if (readQuoted(packet)) this.#takeError(unreachableCode(packet))
        return
      case 'tooBig':
        if (readQuoted(packet)) this.#takeError('EMSGSIZE')
        return
      case 'other':
    }
  }

  #answerEcho(): void {
    const packet = this.#packet
    const { network, tcp } = this.#options
    const total = ipHeaderBytes(packet.version) + packet.payloadBytes
    // Reassembled ones may be larger than we can send.
    if (total > network.interfaceMtu || !this.#bucket.take(tcp.now)) return
    const start = network.reserve(total)
    if (start >= 0) network.commit(writeEchoReply(packet, network.memory, start))
  }

  #takeEchoReply(): void {
    const { bytes, payload } = this.#packet
    const handler = this.#options.echoes.get(((get16(bytes, payload + 4) << 16) | get16(bytes, payload + 6)) >>> 0)
    if (handler !== undefined) this.#options.tell(() => handler.onReply())
  }

  /** The error is about the packet that {@link quoted} describes: it must be one of ours. */
  #takeError(code: NetworkErrorCode): void {
    const { bytes, addressBytes, destination } = this.#packet
    const { tcp, udp, paths, echoes } = this.#options
    if (!sameBytes(bytes, quoted.source, bytes, destination, addressBytes)) return
    if (quoted.protocol === TCP) {
      const { sourcePort, destinationPort } = quoted
      const connection = tcp.table.find(
        bytes,
        quoted.source,
        quoted.destination,
        addressBytes,
        sourcePort,
        destinationPort,
      )
      if (connection === null) return
      if (code === 'EMSGSIZE') arriveTooBig(tcp, connection, quoted, paths)
      else arriveUnreachable(tcp, connection, quoted, code)
    } else if (quoted.protocol === UDP) {
      const { sourcePort, destinationPort } = quoted
      const socket = udp.find(bytes, quoted.source, quoted.destination, addressBytes, sourcePort, destinationPort)
      if (socket === null) return
      // Where it was sent, not who complains.
      const remote = bytes.slice(quoted.destination, quoted.destination + addressBytes)
      this.#options.tell(() => socket.handler.onError(code, remote, destinationPort))
    } else if (quoted.protocol === ICMP || quoted.protocol === ICMPV6) {
      const handler = echoes.get(quoted.sequence >>> 0)
      if (handler !== undefined) this.#options.tell(() => handler.onError(code))
    }
  }

  /** RFC 1122 §3.2.2.1, RFC 4443 §3.1 and §3.4. */
  #refuse(): void {
    const { network, tcp } = this.#options
    if (!this.#bucket.take(tcp.now)) return
    const start = network.reserve(MAX_UNREACHABLE_BYTES)
    if (start >= 0) network.commit(writeUnreachable(this.#packet, network.memory, start))
  }
}
