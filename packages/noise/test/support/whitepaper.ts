/**
 * The handshake written a second time, straight from the whitepaper (§5.4), over node:crypto and noble and without a
 * line of this package: what ours is held against. Slow, and short enough to check by eye.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
} from 'node:crypto'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { blake2s } from '@noble/hashes/blake2.js'

export type Bytes = Uint8Array

const hash = (...parts: Bytes[]): Bytes => createHash('blake2s256').update(Buffer.concat(parts)).digest()
const hmac = (key: Bytes, input: Bytes): Bytes => createHmac('blake2s256', key).update(input).digest()
export const mac = (key: Bytes, input: Bytes): Bytes => blake2s(input, { key, dkLen: 16 })

function kdf(n: number, key: Bytes, input: Bytes): Bytes[] {
  const outputs: Bytes[] = []
  const τ0 = hmac(key, input)
  for (let i = 1; i <= n; i++) outputs.push(hmac(τ0, Buffer.concat([outputs.at(-1) ?? Buffer.alloc(0), Buffer.of(i)])))
  return outputs
}

function nonce(counter: bigint): Bytes {
  const bytes = Buffer.alloc(12)
  bytes.writeBigUInt64LE(counter, 4)
  return bytes
}

export function aead(key: Bytes, counter: bigint, plaintext: Bytes, associatedData: Bytes): Bytes {
  const cipher = createCipheriv('chacha20-poly1305', key, nonce(counter), { authTagLength: 16 })
  cipher.setAAD(associatedData, { plaintextLength: plaintext.length })
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** Throws when the tag is wrong. */
function unaead(key: Bytes, counter: bigint, sealed: Bytes, associatedData: Bytes): Bytes {
  const cipher = createDecipheriv('chacha20-poly1305', key, nonce(counter), { authTagLength: 16 })
  cipher.setAAD(associatedData, { plaintextLength: sealed.length - 16 })
  cipher.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()])
}

const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex')
const SPKI = Buffer.from('302a300506032b656e032100', 'hex')
const privateKeyOf = (secret: Bytes) =>
  createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: 'der', type: 'pkcs8' })

export const publicKeyOf = (secret: Bytes): Bytes =>
  createPublicKey(privateKeyOf(secret)).export({ format: 'der', type: 'spki' }).subarray(-32)

const dh = (secret: Bytes, publicKey: Bytes): Bytes =>
  diffieHellman({
    privateKey: privateKeyOf(secret),
    publicKey: createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' }),
  })

function u32(value: number): Bytes {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** mac1, and mac2 when there is a cookie. */
function withMacs(message: Bytes, receiverStatic: Bytes, cookie: Bytes | null): Bytes {
  const mac1 = mac(hash(Buffer.from('mac1----'), receiverStatic), message)
  const beforeMac2 = Buffer.concat([message, mac1])
  return Buffer.concat([beforeMac2, cookie === null ? Buffer.alloc(16) : mac(cookie, beforeMac2)])
}

function start(responderStatic: Bytes): { c: Bytes; h: Bytes } {
  const c = hash(Buffer.from('Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s'))
  const h = hash(hash(c, Buffer.from('WireGuard v1 zx2c4 Jason@zx2c4.com')), responderStatic)
  return { c, h }
}

export interface Initiated {
  message: Bytes
  c: Bytes
  h: Bytes
}

export function initiate(from: {
  staticSecret: Bytes
  ephemeralSecret: Bytes
  responderStatic: Bytes
  senderIndex: number
  timestamp: Bytes
  cookie?: Bytes
}): Initiated {
  let { c, h } = start(from.responderStatic)
  let κ: Bytes
  const ephemeral = publicKeyOf(from.ephemeralSecret)
  c = kdf(1, c, ephemeral)[0]!
  h = hash(h, ephemeral)
  ;[c, κ] = kdf(2, c, dh(from.ephemeralSecret, from.responderStatic)) as [Bytes, Bytes]
  const sealedStatic = aead(κ, 0n, publicKeyOf(from.staticSecret), h)
  h = hash(h, sealedStatic)
  ;[c, κ] = kdf(2, c, dh(from.staticSecret, from.responderStatic)) as [Bytes, Bytes]
  const sealedTimestamp = aead(κ, 0n, from.timestamp, h)
  h = hash(h, sealedTimestamp)
  const body = Buffer.concat([u32(1), u32(from.senderIndex), ephemeral, sealedStatic, sealedTimestamp])
  return { message: withMacs(body, from.responderStatic, from.cookie ?? null), c, h }
}

export interface Responded {
  message: Bytes
  initiatorStatic: Bytes
  timestamp: Bytes
  keys: Bytes[]
}

/** Reads an initiation and answers it. Throws when a tag is wrong. */
export function respond(
  initiation: Bytes,
  from: { staticSecret: Bytes; ephemeralSecret: Bytes; presharedKey: Bytes; senderIndex: number; cookie?: Bytes },
): Responded {
  let { c, h } = start(publicKeyOf(from.staticSecret))
  let κ: Bytes
  let τ: Bytes
  const remoteEphemeral = initiation.subarray(8, 40)
  c = kdf(1, c, remoteEphemeral)[0]!
  h = hash(h, remoteEphemeral)
  ;[c, κ] = kdf(2, c, dh(from.staticSecret, remoteEphemeral)) as [Bytes, Bytes]
  const initiatorStatic = unaead(κ, 0n, initiation.subarray(40, 88), h)
  h = hash(h, initiation.subarray(40, 88))
  ;[c, κ] = kdf(2, c, dh(from.staticSecret, initiatorStatic)) as [Bytes, Bytes]
  const timestamp = unaead(κ, 0n, initiation.subarray(88, 116), h)
  h = hash(h, initiation.subarray(88, 116))

  const ephemeral = publicKeyOf(from.ephemeralSecret)
  c = kdf(1, c, ephemeral)[0]!
  h = hash(h, ephemeral)
  c = kdf(1, c, dh(from.ephemeralSecret, remoteEphemeral))[0]!
  c = kdf(1, c, dh(from.ephemeralSecret, initiatorStatic))[0]!
  ;[c, τ, κ] = kdf(3, c, from.presharedKey) as [Bytes, Bytes, Bytes]
  h = hash(h, τ)
  const empty = aead(κ, 0n, Buffer.alloc(0), h)
  const body = Buffer.concat([u32(2), u32(from.senderIndex), initiation.subarray(4, 8), ephemeral, empty])
  const message = withMacs(body, initiatorStatic, from.cookie ?? null)
  return { message, initiatorStatic, timestamp, keys: kdf(2, c, Buffer.alloc(0)) }
}

/** Reads the response to `initiated`; the two transport keys, initiator's first. Throws when the tag is wrong. */
export function finish(
  initiated: Initiated,
  response: Bytes,
  from: { staticSecret: Bytes; ephemeralSecret: Bytes; presharedKey: Bytes },
): Bytes[] {
  let { c, h } = initiated
  let κ: Bytes
  let τ: Bytes
  const remoteEphemeral = response.subarray(12, 44)
  c = kdf(1, c, remoteEphemeral)[0]!
  h = hash(h, remoteEphemeral)
  c = kdf(1, c, dh(from.ephemeralSecret, remoteEphemeral))[0]!
  c = kdf(1, c, dh(from.staticSecret, remoteEphemeral))[0]!
  ;[c, τ, κ] = kdf(3, c, from.presharedKey) as [Bytes, Bytes, Bytes]
  h = hash(h, τ)
  unaead(κ, 0n, response.subarray(44, 60), h)
  return kdf(2, c, Buffer.alloc(0))
}

/** The cookie in a reply to a message whose mac1 was `mac1`. Throws when the tag is wrong. */
export function openCookie(reply: Bytes, responderStatic: Bytes, mac1: Bytes): Bytes {
  const key = hash(Buffer.from('cookie--'), responderStatic)
  return xchacha20poly1305(key, reply.subarray(8, 32), mac1).decrypt(reply.subarray(32))
}
