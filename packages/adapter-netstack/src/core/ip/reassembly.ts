/**
 * Puts fragments together (RFC 791 §3.2, RFC 8200 §4.5), in memory that is bounded whatever arrives.
 * A fragment that overlaps another one ends its datagram (RFC 5722, and RFC 1858 for IPv4): nobody honest sends it.
 */
import { sameBytes } from '../bytes.js'
import { addressKey } from './address.js'
import type { IpPacket } from './packet.js'

/** RFC 8200 §4.5 says 60 s; RFC 791 suggests 15, RFC 1122 §3.3.2 60 to 120. What waits this long on a tunnel is lost. */
const REASSEMBLY_TIMEOUT_MS = 30_000
const MAX_DATAGRAMS = 32
const MAX_BYTES = 512 * 1024
const MAX_FRAGMENTS = 64
const MAX_PAYLOAD_BYTES = 65535

interface Fragments {
  readonly key: string
  readonly source: string
  readonly deadline: number
  /** Pairs of start and end, sorted, apart from each other. */
  readonly ranges: number[]
  parts: Uint8Array[]
  bytes: number
  /** Of the whole payload; -1 until the last fragment is there. */
  total: number
  /** What the first fragment says the payload is; -1 until it is there. */
  protocol: number
}

export class Reassembly {
  /** Oldest first. */
  readonly #datagrams = new Map<string, Fragments>()
  #bytes = 0

  get heldBytes(): number {
    return this.#bytes
  }

  /** Takes a fragment. When it was the last one missing, `packet` becomes the whole packet and true is returned. */
  take(packet: IpPacket, now: number): boolean {
    this.expire(now)
    const { fragmentOffset: start, payloadBytes, moreFragments } = packet
    const end = start + payloadBytes
    if (payloadBytes === 0 || end > MAX_PAYLOAD_BYTES || (moreFragments && payloadBytes % 8 !== 0)) return false
    const datagram = this.#find(packet, now)
    if (isDuplicate(datagram, packet, start, end)) return false
    const place = placeOf(datagram.ranges, start, end)
    const { total, ranges } = datagram
    const isContradiction =
      total >= 0 ? (moreFragments ? end > total : end !== total) : !moreFragments && (ranges.at(-1) ?? 0) > end
    if (place < 0 || isContradiction || datagram.parts.length === MAX_FRAGMENTS) {
      this.#remove(datagram)
      return false
    }
    ranges.splice(place * 2, 0, start, end)
    datagram.parts.splice(place, 0, packet.bytes.slice(packet.payload, packet.payload + payloadBytes))
    datagram.bytes += payloadBytes
    this.#bytes += payloadBytes
    if (!moreFragments) datagram.total = end
    // RFC 8200 §4.5: of the first fragment's header, not of the others.
    if (start === 0) datagram.protocol = packet.protocol
    if (datagram.total >= 0 && datagram.bytes === datagram.total) {
      this.#remove(datagram)
      return complete(datagram, packet)
    }
    this.#makeRoom(datagram)
    return false
  }

  /** Forgets what has waited too long. */
  expire(now: number): void {
    for (const datagram of this.#datagrams.values()) {
      if (datagram.deadline > now) break
      this.#remove(datagram)
    }
  }

  /** When {@link expire} has something to do; Infinity when nothing waits. */
  get deadline(): number {
    for (const datagram of this.#datagrams.values()) return datagram.deadline
    return Number.POSITIVE_INFINITY
  }

  clear(): void {
    this.#datagrams.clear()
    this.#bytes = 0
  }

  /** RFC 791: by addresses, protocol and identification; RFC 8200 leaves the protocol out. */
  #find(packet: IpPacket, now: number): Fragments {
    const { version, protocol, identification, bytes, source, addressBytes } = packet
    const key = `${version === 4 ? protocol : ''}/${identification}/${addressKey(bytes, source, addressBytes * 2)}`
    let datagram = this.#datagrams.get(key)
    if (datagram === undefined) {
      const deadline = now + REASSEMBLY_TIMEOUT_MS
      datagram = {
        key,
        source: addressKey(bytes, source, addressBytes),
        deadline,
        ranges: [],
        parts: [],
        bytes: 0,
        total: -1,
        protocol: -1,
      }
      this.#datagrams.set(key, datagram)
    }
    return datagram
  }

  /** At the cost of the same source if it has half of what there is: a flood must not cost others theirs. */
  #makeRoom(latest: Fragments): void {
    while (this.#datagrams.size > MAX_DATAGRAMS || this.#bytes > MAX_BYTES) {
      const others = [...this.#datagrams.values()].filter((datagram) => datagram !== latest)
      const own = others.filter(({ source }) => source === latest.source)
      const ownBytes = own.reduce((sum, { bytes }) => sum + bytes, latest.bytes)
      const isGreedy = own.length >= MAX_DATAGRAMS / 2 || ownBytes >= MAX_BYTES / 2
      const oldest = isGreedy && own.length > 0 ? own[0]! : others[0]
      if (oldest === undefined) return
      this.#remove(oldest)
    }
  }

  #remove(datagram: Fragments): void {
    if (this.#datagrams.delete(datagram.key)) this.#bytes -= datagram.bytes
  }
}

/** The network may deliver a fragment twice; that is no overlap (RFC 8200 §4.5). */
function isDuplicate(datagram: Fragments, packet: IpPacket, start: number, end: number): boolean {
  for (let i = 0; i < datagram.parts.length; i++) {
    if (datagram.ranges[i * 2] !== start || datagram.ranges[i * 2 + 1] !== end) continue
    return sameBytes(packet.bytes, packet.payload, datagram.parts[i]!, 0, end - start)
  }
  return false
}

/** Where a range goes, or -1 when it overlaps one that is there. */
function placeOf(ranges: number[], start: number, end: number): number {
  let place = 0
  while (place * 2 < ranges.length && ranges[place * 2 + 1]! <= start) place++
  return place * 2 === ranges.length || end <= ranges[place * 2]! ? place : -1
}

/** Header of the fragment at hand, payload of all of them. */
function complete(datagram: Fragments, packet: IpPacket): boolean {
  const headerBytes = packet.addressBytes === 4 ? (packet.bytes[packet.header]! & 15) * 4 : 40
  const whole = new Uint8Array(headerBytes + datagram.total)
  whole.set(packet.bytes.subarray(packet.header, packet.header + headerBytes))
  let at = headerBytes
  for (const part of datagram.parts) {
    whole.set(part, at)
    at += part.length
  }
  packet.source -= packet.header
  packet.destination -= packet.header
  packet.bytes = whole
  packet.header = 0
  packet.protocol = datagram.protocol
  packet.payload = headerBytes
  packet.payloadBytes = datagram.total
  packet.isFragment = packet.moreFragments = false
  packet.fragmentOffset = 0
  return true
}
