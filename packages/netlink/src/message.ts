/**
 * Netlink messages and their attributes (linux/netlink.h), in pure TypeScript. Integers are in the order of the host,
 * which is little-endian on every machine that Node runs on. Payloads and attributes are padded to 4 bytes.
 */

export const NLM_F_REQUEST = 0x1
export const NLM_F_ACK = 0x4
export const NLM_F_REPLACE = 0x100
export const NLM_F_EXCL = 0x200
export const NLM_F_CREATE = 0x400
export const NLM_F_DUMP = 0x300
export const NLM_F_DUMP_INTR = 0x10
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3

export const HEADER_BYTES = 16
const ATTRIBUTE_HEADER_BYTES = 4
const NLA_F_NESTED = 0x8000
const NLA_TYPE_MASK = 0x3fff

/** Builds one message. Grows as needed; the sequence number is filled in by the socket. */
export class MessageWriter {
  #bytes = new Uint8Array(512)
  #view = new DataView(this.#bytes.buffer)
  #length = HEADER_BYTES

  constructor(type: number, flags: number) {
    this.#view.setUint16(4, type, true)
    this.#view.setUint16(6, flags | NLM_F_REQUEST, true)
  }

  get length(): number {
    return this.#length
  }

  /** The finished message: a copy. Wipe both when it held a secret, this one with {@link wipe}. */
  finish(): Uint8Array {
    this.#view.setUint32(0, this.#length, true)
    return this.#bytes.slice(0, this.#length)
  }

  wipe(): void {
    this.#bytes.fill(0)
  }

  /** Raw payload, such as the fixed header that a message type begins with. */
  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length)
    this.#bytes.set(bytes, at)
    return this
  }

  attribute(type: number, payload: Uint8Array): this {
    const at = this.#open(type, payload.length)
    this.#bytes.set(payload, at)
    return this
  }

  u8(type: number, value: number): this {
    const at = this.#open(type, 1)
    this.#view.setUint8(at, value)
    return this
  }

  u16(type: number, value: number): this {
    const at = this.#open(type, 2)
    this.#view.setUint16(at, value, true)
    return this
  }

  u32(type: number, value: number): this {
    const at = this.#open(type, 4)
    this.#view.setUint32(at, value, true)
    return this
  }

  /** A string with its terminating zero. */
  string(type: number, text: string): this {
    return this.attribute(type, new TextEncoder().encode(`${text}\0`))
  }

  /** Starts a nested attribute; give what it returns to {@link endNest}. */
  beginNest(type: number): number {
    return this.#open(type | NLA_F_NESTED, 0) - ATTRIBUTE_HEADER_BYTES
  }

  endNest(start: number): this {
    const length = this.#length - start
    if (length > 0xffff) throw new RangeError(`a netlink attribute of ${length} bytes does not fit its length field`)
    this.#view.setUint16(start, length, true)
    return this
  }

  /** Forgets everything written since `length`, for whoever tried whether something fits. */
  truncate(length: number): void {
    this.#bytes.fill(0, length, this.#length)
    this.#length = length
  }

  /** Writes an attribute's header and returns where its payload goes. */
  #open(type: number, payloadBytes: number): number {
    const at = this.#reserve(ATTRIBUTE_HEADER_BYTES + payloadBytes)
    this.#view.setUint16(at, ATTRIBUTE_HEADER_BYTES + payloadBytes, true)
    this.#view.setUint16(at + 2, type, true)
    return at + ATTRIBUTE_HEADER_BYTES
  }

  #reserve(length: number): number {
    const at = this.#length
    this.#length = at + align4(length)
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2))
      larger.set(this.#bytes)
      this.#bytes.fill(0)
      this.#bytes = larger
      this.#view = new DataView(larger.buffer)
    }
    return at
  }
}

export interface Message {
  readonly type: number
  readonly flags: number
  readonly sequence: number
  /** A view of what follows the header. */
  readonly payload: Uint8Array
}

/** The messages of one datagram. Throws a RangeError when a length field lies. */
export function readMessages(datagram: Uint8Array): Message[] {
  const view = viewOf(datagram)
  const messages: Message[] = []
  let at = 0
  while (at + HEADER_BYTES <= datagram.length) {
    const length = view.getUint32(at, true)
    if (length < HEADER_BYTES || at + length > datagram.length) throw new RangeError('a netlink message is cut short')
    messages.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: datagram.subarray(at + HEADER_BYTES, at + length),
    })
    at += align4(length)
  }
  return messages
}

/** Attributes by type, as views. The last of a type wins; use {@link readAttributeList} where a type may recur. */
export function readAttributes(bytes: Uint8Array): Map<number, Uint8Array> {
  return new Map(readAttributeList(bytes))
}

/** Attributes in order. Throws a RangeError when a length field lies. */
export function readAttributeList(bytes: Uint8Array): [type: number, payload: Uint8Array][] {
  const view = viewOf(bytes)
  const list: [number, Uint8Array][] = []
  let at = 0
  while (at + ATTRIBUTE_HEADER_BYTES <= bytes.length) {
    const length = view.getUint16(at, true)
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > bytes.length) {
      throw new RangeError('a netlink attribute is cut short')
    }
    list.push([view.getUint16(at + 2, true) & NLA_TYPE_MASK, bytes.subarray(at + ATTRIBUTE_HEADER_BYTES, at + length)])
    at += align4(length)
  }
  return list
}

export function readU16(payload: Uint8Array): number {
  return viewOf(payload).getUint16(0, true)
}

export function readU32(payload: Uint8Array): number {
  return viewOf(payload).getUint32(0, true)
}

export function readU64(payload: Uint8Array): bigint {
  return viewOf(payload).getBigUint64(0, true)
}

/** Text up to the terminating zero. */
export function readString(payload: Uint8Array): string {
  const end = payload.indexOf(0)
  return new TextDecoder().decode(end < 0 ? payload : payload.subarray(0, end))
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function align4(length: number): number {
  return (length + 3) & ~3
}
