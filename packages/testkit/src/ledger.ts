/** Every inner packet of a simulation: who sent it, who may get it, and whether it came as it was, once. */
import { innerPacket, payloadOf } from './inner-packet.js'
import { Random } from './random.js'
import { mergeEcn } from './slow/ecn.js'
import { onesComplementSum } from './slow/checksum.js'

export interface Entry {
  readonly source: Uint8Array
  readonly destination: Uint8Array
  /** Bytes after the IP header; at least {@link LABEL_BYTES}. */
  readonly payloadBytes: number
  readonly trafficClass: number
  /** Who sends it. */
  readonly origin: string
  /** Who may get it, by the sender's allowed IPs; `null` when nobody may. */
  readonly receiver: string | null
}

/** Each packet begins with its number. */
export const LABEL_BYTES = 4

/** Packets that did not arrive are kept this long in number, so that a day of losses costs no memory. */
const MAX_UNDELIVERED = 20_000

export class Ledger {
  delivered = 0
  #minted = 0
  readonly #open = new Map<number, Entry>()

  get sent(): number {
    return this.#minted
  }

  mint(entry: Entry): Uint8Array {
    const number = this.#minted++
    this.#open.set(number, entry)
    if (this.#open.size > MAX_UNDELIVERED) this.#open.delete(this.#open.keys().next().value!)
    return packetOf(number, entry)
  }

  /** The number of a packet that was minted here. */
  numberOf(packet: Uint8Array): number {
    const payload = payloadOf(packet)
    return payload.length < LABEL_BYTES ? -1 : new DataView(payload.buffer, payload.byteOffset).getUint32(0)
  }

  /** `null` when `receiver` may get `packet` now, else what is wrong. `marked`: congestion may have been marked. */
  deliver(receiver: string, packet: Uint8Array, marked: boolean): string | null {
    const number = this.numberOf(packet)
    const entry = this.#open.get(number)
    if (entry === undefined)
      return number < this.#minted ? `packet ${number} was delivered twice` : 'a packet nobody sent'
    this.#open.delete(number)
    this.delivered++
    if (entry.receiver !== receiver) return `packet ${number} of ${entry.origin} was for ${entry.receiver ?? 'nobody'}`
    const difference = differenceOf(packetOf(number, entry), packet, marked)
    return difference && `packet ${number} of ${entry.origin} ${difference}`
  }

  /** Who sent the packet with this number, if it is still under way. */
  originOf(number: number): string | undefined {
    return this.#open.get(number)?.origin
  }
}

/** The bytes after the label can be told from those of every other packet. */
function packetOf(number: number, entry: Entry): Uint8Array {
  const { source, destination, payloadBytes, trafficClass } = entry
  const payload = new Random(number).bytes(Math.max(LABEL_BYTES, payloadBytes))
  new DataView(payload.buffer).setUint32(0, number)
  return innerPacket({ source, destination, payload, trafficClass })
}

function differenceOf(sent: Uint8Array, got: Uint8Array, marked: boolean): string | null {
  if (sent.length !== got.length) return `came with ${got.length} bytes instead of ${sent.length}`
  const ecnMayDiffer = marked && ecnOf(sent) !== ecnOf(got) && mergeEcn(ecnOf(sent), 3) === ecnOf(got)
  const copy = got.slice()
  if (ecnMayDiffer) {
    if (got[0]! >>> 4 === 4 && onesComplementSum(got.subarray(0, 20)) !== 0xffff)
      return 'came with a wrong header checksum'
    copy.set(sent.subarray(0, 2))
    if (got[0]! >>> 4 === 4) copy.set(sent.subarray(10, 12), 10)
  }
  const at = sent.findIndex((byte, i) => byte !== copy[i])
  return at < 0 ? null : `came with byte ${at} changed`
}

function ecnOf(packet: Uint8Array): number {
  return packet[0]! >>> 4 === 4 ? packet[1]! & 3 : (packet[1]! >>> 4) & 3
}
