/** Someone on the wire who reads every datagram and cannot decrypt any. */

export const HANDSHAKE_INITIATION = 1
export const HANDSHAKE_RESPONSE = 2
export const COOKIE_REPLY = 3
export const TRANSPORT_DATA = 4

/** Bytes of a keepalive: header and tag around nothing. */
export const KEEPALIVE_BYTES = 32

/** The message type (§5.4); 0 when the first four bytes say none. Read here on its own, not with the code under test. */
export function messageType(bytes: Uint8Array): number {
  if (bytes.length < 4 || bytes[1] !== 0 || bytes[2] !== 0 || bytes[3] !== 0) return 0
  return bytes[0]! <= TRANSPORT_DATA ? bytes[0]! : 0
}

/** The sender's index of a handshake message, the receiver's of any other. */
export function firstIndex(bytes: Uint8Array): number {
  return word32(bytes, 4)
}

/** The receiver's index of a response. */
export function secondIndex(bytes: Uint8Array): number {
  return word32(bytes, 8)
}

/** Counter of a transport message. */
export function transportCounter(bytes: Uint8Array): bigint {
  return (BigInt(word32(bytes, 12)) << 32n) | BigInt(word32(bytes, 8))
}

export interface Sighting {
  /** Milliseconds at which it was sent. */
  readonly at: number
  /** Endpoints as text, as they are on the wire: a NAT has already been at work. */
  readonly from: string
  readonly to: string
  readonly type: number
  readonly length: number
  readonly trafficClass: number
  readonly bytes: Uint8Array
  /** What the network did with it. */
  readonly fate: 'delivered' | 'duplicated' | 'corrupted' | 'lost'
}

export interface EavesdropperOptions {
  /** The newest sightings that are kept with their bytes; all when absent. */
  readonly keep?: number
}

export class Eavesdropper {
  readonly #keep: number
  readonly #counts = [0, 0, 0, 0, 0]
  #sightings: Sighting[] = []
  #high = 0x811c9dc5
  #low = 0x9e3779b9
  readonly #time = new Float64Array(1)

  constructor(options: EavesdropperOptions = {}) {
    this.#keep = options.keep ?? Number.POSITIVE_INFINITY
  }

  note(sighting: Sighting): void {
    this.#counts[sighting.type]!++
    this.#sightings.push(sighting)
    // Cut rarely, so that keeping few costs little.
    if (this.#sightings.length > this.#keep * 2) this.#sightings = this.#sightings.slice(-this.#keep)
    this.#time[0] = sighting.at
    this.#mix(new Uint8Array(this.#time.buffer))
    this.#mixText(`${sighting.from} ${sighting.to} ${sighting.fate}`)
    this.#mix(sighting.bytes)
  }

  /** How many datagrams of `type`, or of all types, were ever sent, those no longer kept included. */
  count(type?: number): number {
    return type === undefined ? this.#counts.reduce((sum, count) => sum + count) : this.#counts[type]!
  }

  /** The newest sightings, oldest first. */
  get sightings(): readonly Sighting[] {
    return this.#sightings.length > this.#keep ? this.#sightings.slice(-this.#keep) : this.#sightings
  }

  of(type: number): readonly Sighting[] {
    return this.sightings.filter((sighting) => sighting.type === type)
  }

  /** Equal when, and as good as only when, two runs sent the same bytes at the same times with the same fates. */
  digest(): string {
    return [this.#high, this.#low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
  }

  #mix(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.#step(bytes[i]!)
    this.#step(bytes.length)
  }

  #mixText(text: string): void {
    for (let i = 0; i < text.length; i++) this.#step(text.charCodeAt(i))
    this.#step(text.length)
  }

  /** FNV-1a and a multiplicative hash side by side: nobody attacks a test. */
  #step(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x01000193)
    this.#low = Math.imul(this.#low ^ (value + (this.#low >>> 15)), 0x85ebca6b)
  }
}

/** One line of a trace. */
export function describeSighting({ at, from, to, type, length, bytes, fate }: Sighting): string {
  const names = ['unknown', 'initiation', 'response', 'cookie reply', length === KEEPALIVE_BYTES ? 'keepalive' : 'data']
  const detail =
    type === TRANSPORT_DATA && length >= 16 ? ` ${firstIndex(bytes).toString(16)}#${transportCounter(bytes)}` : ''
  return `${(at / 1000).toFixed(3).padStart(10)} s  ${from} > ${to}  ${names[type]}${detail} ${length} bytes, ${fate}`
}

function word32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0
}
