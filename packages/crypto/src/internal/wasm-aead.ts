/** The transport module over a memory of its own, for messages in arrays. The memory is wiped after every call. */
import { wipe } from '../bytes.js'
import { ENGINE_RESERVED_BYTES, TAG_BYTES } from '../suite.js'
import type { Suite } from '../suite.js'
import { checkLength, counterNonce } from './aead.js'
import type { Aead } from './aead.js'
import { KEY, NONCE_PREFIX, loadTransport } from './wasm-transport.js'
import type { TransportCode } from './wasm-transport.js'

const PAGE_BYTES = 65_536
const KEY_BYTES = 32
const NONCE_BYTES = 12
const LONG_NONCE_BYTES = 24

let code: TransportCode | undefined
let memory: WebAssembly.Memory | undefined

/** The memory, large enough. It grows only: views of it are made anew each time, since growing detaches them. */
function reserve(length: number): { code: TransportCode; bytes: Uint8Array } {
  memory ??= new WebAssembly.Memory({ initial: 1 })
  code ??= loadTransport(memory)
  const missing = ENGINE_RESERVED_BYTES + length - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE_BYTES))
  return { code, bytes: new Uint8Array(memory.buffer) }
}

/** ChaCha20-Poly1305 with any nonce of 12 bytes. */
export const wasmAead: Aead = {
  seal: (key, nonce, plaintext, associatedData) => {
    checkLength(key, KEY_BYTES, 'a key')
    checkLength(nonce, NONCE_BYTES, 'a nonce')
    return seal(key, nonce, plaintext, associatedData, null)
  },
  open: (key, nonce, sealed, associatedData) => {
    checkLength(key, KEY_BYTES, 'a key')
    checkLength(nonce, NONCE_BYTES, 'a nonce')
    return open(key, nonce, sealed, associatedData, null)
  },
}

export const wasmAeads: Pick<Suite, 'seal' | 'open' | 'sealX' | 'openX'> = {
  seal: (key, counter, plaintext, associatedData) =>
    wasmAead.seal(key, counterNonce(counter), plaintext, associatedData),
  open: (key, counter, sealed, associatedData) => wasmAead.open(key, counterNonce(counter), sealed, associatedData),
  sealX: (key, nonce, plaintext, associatedData) => {
    checkLength(key, KEY_BYTES, 'a key')
    checkLength(nonce, LONG_NONCE_BYTES, 'a nonce')
    return seal(key, innerNonce(nonce), plaintext, associatedData, nonce)
  },
  openX: (key, nonce, sealed, associatedData) => {
    checkLength(key, KEY_BYTES, 'a key')
    checkLength(nonce, LONG_NONCE_BYTES, 'a nonce')
    return open(key, innerNonce(nonce), sealed, associatedData, nonce)
  },
}

/** draft-irtf-cfrg-xchacha-03 §2.3: 4 zero bytes and the last 8 of the nonce, under a key from the first 16. */
function innerNonce(nonce: Uint8Array): Uint8Array {
  const inner = new Uint8Array(NONCE_BYTES)
  inner.set(nonce.subarray(16), 4)
  return inner
}

function seal(
  key: Uint8Array,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associatedData: Uint8Array,
  longNonce: Uint8Array | null,
): Uint8Array {
  const length = plaintext.length
  const associatedAt = ENGINE_RESERVED_BYTES + length + TAG_BYTES
  const { code, bytes } = reserve(length + TAG_BYTES + associatedData.length)
  useKey(code, bytes, key, nonce, longNonce)
  bytes.set(plaintext, ENGINE_RESERVED_BYTES)
  bytes.set(associatedData, associatedAt)
  const { low, high } = halves(nonce)
  code.seal(low, high, ENGINE_RESERVED_BYTES, length, ENGINE_RESERVED_BYTES, associatedAt, associatedData.length)
  const sealed = bytes.slice(ENGINE_RESERVED_BYTES, associatedAt)
  wipe(bytes.subarray(0, associatedAt + associatedData.length))
  return sealed
}

function open(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
  associatedData: Uint8Array,
  longNonce: Uint8Array | null,
): Uint8Array | null {
  const length = sealed.length - TAG_BYTES
  if (length < 0) return null
  const associatedAt = ENGINE_RESERVED_BYTES + sealed.length
  const { code, bytes } = reserve(sealed.length + associatedData.length)
  useKey(code, bytes, key, nonce, longNonce)
  bytes.set(sealed, ENGINE_RESERVED_BYTES)
  bytes.set(associatedData, associatedAt)
  const { low, high } = halves(nonce)
  const good = code.open(
    low,
    high,
    ENGINE_RESERVED_BYTES,
    length,
    ENGINE_RESERVED_BYTES,
    associatedAt,
    associatedData.length,
  )
  const plaintext = good === 1 ? bytes.slice(ENGINE_RESERVED_BYTES, ENGINE_RESERVED_BYTES + length) : null
  wipe(bytes.subarray(0, associatedAt + associatedData.length))
  return plaintext
}

function useKey(
  code: TransportCode,
  bytes: Uint8Array,
  key: Uint8Array,
  nonce: Uint8Array,
  longNonce: Uint8Array | null,
): void {
  bytes.set(key, KEY)
  if (longNonce !== null) {
    bytes.set(longNonce.subarray(0, 16), ENGINE_RESERVED_BYTES)
    code.deriveKey(ENGINE_RESERVED_BYTES)
  }
  bytes.set(nonce.subarray(0, 4), NONCE_PREFIX)
}

function halves(nonce: Uint8Array): { low: number; high: number } {
  const view = new DataView(nonce.buffer, nonce.byteOffset, nonce.length)
  return { low: view.getUint32(4, true), high: view.getUint32(8, true) }
}
