/** Memory that C code sees: addresses of views, buffers whose address lasts. */
import { koffi } from './internal/koffi.js'

const bases = new WeakMap<ArrayBufferLike, number>()

/**
 * The address of the first byte of `bytes`, as a number. Works over a shared buffer and over a WebAssembly.Memory, as
 * long as it never grows. The address is good while the buffer is referenced: whoever stores it keeps the view, too.
 */
export function addressOf(bytes: Uint8Array): number {
  // Reading `buffer` moves a small on-heap array, which the garbage collector would relocate, to a place that lasts.
  const buffer = bytes.buffer
  let base = bases.get(buffer)
  if (base === undefined) {
    if (buffer.byteLength === 0) throw new RangeError('an empty or detached buffer has no address')
    const exact = koffi().address(new Uint8Array(buffer))
    if (exact > BigInt(Number.MAX_SAFE_INTEGER)) throw new RangeError('address beyond 2^53')
    base = Number(exact)
    bases.set(buffer, base)
  }
  return base + bytes.byteOffset
}

/** Zeroed bytes with an address that stays the same as long as this object is referenced. */
export class NativeMemory {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly address: number

  constructor(length: number) {
    const buffer = new ArrayBuffer(length)
    this.bytes = new Uint8Array(buffer)
    this.view = new DataView(buffer)
    this.address = addressOf(this.bytes)
  }
}

/** Writes `address` as a 64-bit little-endian pointer at `offset`, without a BigInt. */
export function writePointer(view: DataView, offset: number, address: number): void {
  view.setUint32(offset, address >>> 0, true)
  view.setUint32(offset + 4, Math.floor(address / 0x1_0000_0000), true)
}
