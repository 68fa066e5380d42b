/** BLAKE2s, HMAC and X25519 in WebAssembly, over one small memory that is wiped after every call. */
import { wipe } from '../bytes.js'
import { isZero } from '../constant-time.js'
import type { DhPrivateKey, DhPublicKey, Suite, X25519 } from '../suite.js'
import { checkLength } from './aead.js'
import { handshakeCode } from './wasm-bytes.js'
import { instantiate } from './wasm-module.js'

/** What assembly/handshake.ts exports. */
interface HandshakeCode {
  memory: WebAssembly.Memory
  blake2sBegin: (digestBytes: number, keyBytes: number) => void
  blake2sAbsorb: (length: number) => void
  blake2sFinish: (length: number) => number
  x25519: (points: number, base: number) => number
  wipe: (length: number) => void
}

/** Where input goes, and how much of it at a time: whole blocks, and room behind them to pad one. */
const INPUT = 4096
const INPUT_BYTES = 65_536
const BLOCK_BYTES = 64
const HASH_BYTES = 32
const MAC_BYTES = 16
const POINT_BYTES = 32
/** Scalar, two points, three results. */
const X25519_BYTES = 6 * POINT_BYTES

let loaded: { code: HandshakeCode; bytes: Uint8Array } | undefined

function load(): { code: HandshakeCode; bytes: Uint8Array } {
  if (loaded === undefined) {
    const code = instantiate(handshakeCode) as unknown as HandshakeCode
    loaded = { code, bytes: new Uint8Array(code.memory.buffer) }
  }
  return loaded
}

export const wasmHashing: Pick<Suite, 'hash' | 'mac' | 'hmac'> = {
  hash: (...parts) => blake2s(HASH_BYTES, 0, parts),
  mac: (key, ...parts) => {
    if (key.length < 16 || key.length > 32) throw new RangeError('a MAC key has 16 to 32 bytes')
    const block = new Uint8Array(BLOCK_BYTES)
    block.set(key)
    const tag = blake2s(MAC_BYTES, key.length, [block, ...parts])
    wipe(block)
    return tag
  },
  hmac: (key, ...parts) => {
    const pad = new Uint8Array(BLOCK_BYTES)
    pad.set(key.length <= BLOCK_BYTES ? key : blake2s(HASH_BYTES, 0, [key]))
    for (let i = 0; i < BLOCK_BYTES; i++) pad[i]! ^= 0x36
    const inner = blake2s(HASH_BYTES, 0, [pad, ...parts])
    for (let i = 0; i < BLOCK_BYTES; i++) pad[i]! ^= 0x36 ^ 0x5c
    const outer = blake2s(HASH_BYTES, 0, [pad, inner])
    wipe(pad, inner)
    return outer
  },
}

function blake2s(digestBytes: number, keyBytes: number, parts: readonly Uint8Array[]): Uint8Array {
  const { code, bytes } = load()
  let filled = 0
  let used = 0
  code.blake2sBegin(digestBytes, keyBytes)
  for (const part of parts) {
    for (let taken = 0; taken < part.length; ) {
      // Only when more follows: the last block is not absorbed but finished.
      if (filled === INPUT_BYTES) {
        code.blake2sAbsorb(filled)
        filled = 0
      }
      const size = Math.min(part.length - taken, INPUT_BYTES - filled)
      bytes.set(size === part.length ? part : part.subarray(taken, taken + size), INPUT + filled)
      taken += size
      filled += size
      used = Math.max(used, filled)
    }
  }
  const at = code.blake2sFinish(filled)
  const digest = bytes.slice(at, at + digestBytes)
  code.wipe(used)
  return digest
}

class WasmPrivateKey implements DhPrivateKey {
  readonly #secret: Uint8Array
  #publicKey: Uint8Array | null = null

  constructor(secret: Uint8Array) {
    this.#secret = new Uint8Array(secret)
  }

  get publicKey(): Uint8Array {
    if (this.#publicKey === null) this.#multiply()
    return this.#publicKey!
  }

  derive(publicKey: DhPublicKey): Uint8Array | null {
    const [secret] = this.#multiply(publicKey)
    return isZero(secret!) ? null : secret!
  }

  deriveBoth(first: DhPublicKey, second: DhPublicKey): readonly [Uint8Array, Uint8Array] | null {
    const known = this.#publicKey
    const [a, b] = this.#multiply(first, second) as [Uint8Array, Uint8Array]
    if (!isZero(a) && !isZero(b)) return [a, b]
    wipe(a, b)
    // One computed along with them is wrong: their inverse does not exist.
    this.#publicKey = known
    return null
  }

  wipe(): void {
    wipe(this.#secret)
  }

  /** The products with up to two public keys. The key's own comes at a discount, where it is not known yet. */
  #multiply(...publicKeys: readonly DhPublicKey[]): Uint8Array[] {
    const base = this.#publicKey === null ? 1 : 0
    const { code, bytes } = load()
    bytes.set(this.#secret, INPUT)
    publicKeys.forEach((key, i) => bytes.set(key.bytes, INPUT + POINT_BYTES * (i + 1)))
    const at = code.x25519(publicKeys.length, base)
    const results = Array.from({ length: publicKeys.length + base }, (_, i) =>
      bytes.slice(at + POINT_BYTES * i, at + POINT_BYTES * (i + 1)),
    )
    code.wipe(X25519_BYTES)
    if (base === 1) this.#publicKey = results.pop()!
    return results
  }
}

export const wasmX25519: X25519 = {
  importPrivateKey: (secret) => {
    const key = importKey(secret)
    // Now: it is asked for also after wiping.
    void key.publicKey
    return key
  },
  importEphemeralKey: importKey,
  importPublicKey: (bytes) => {
    checkLength(bytes, POINT_BYTES, 'a public key')
    return { bytes: new Uint8Array(bytes) }
  },
  deriveSharedSecret: (privateKey, publicKey) => ours(privateKey).derive(publicKey),
  deriveSharedSecrets: (privateKey, first, second) => ours(privateKey).deriveBoth(first, second),
}

function importKey(secret: Uint8Array): WasmPrivateKey {
  checkLength(secret, POINT_BYTES, 'a private key')
  return new WasmPrivateKey(secret)
}

function ours(privateKey: DhPrivateKey): WasmPrivateKey {
  if (!(privateKey instanceof WasmPrivateKey)) throw new TypeError('the private key was imported by another engine')
  return privateKey
}
