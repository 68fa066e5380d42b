/** A peer without a device: it knows its keys and does with them what it wants, in whatever order. */
import { nodeSuite, nodeTransportEngine } from '@wireweave/crypto/node'
import type { DhPublicKey } from '@wireweave/crypto/suite'
import { PacketArena } from '@wireweave/device/core/arena'
import { CookieGenerator } from '@wireweave/noise/cookie'
import { consumeResponse, createIdentity, createInitiation, deriveKeypair } from '@wireweave/noise/handshake'
import type { Identity, InitiationCreated, Remote } from '@wireweave/noise/handshake'
import type { Keypair } from '@wireweave/noise/keypair'
import { HANDSHAKE_INITIATION_BYTES, TRANSPORT_HEADER_BYTES, writeTransportHeader } from '@wireweave/noise/messages'
import { encodeTai64n } from '@wireweave/noise/tai64n'
import type { PeerUpdate } from '@wireweave/tunnel/config'
import { parseEndpoint, parseIp } from '@wireweave/tunnel/ip'
import type { IpAddress } from '@wireweave/tunnel/ip'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { COOKIE_REPLY, HANDSHAKE_RESPONSE, messageType } from './eavesdropper.js'
import type { Network } from './network.js'
import type { Random } from './random.js'
import type { SimulatedHost } from './simulated-host.js'

const ARENA_BYTES = 256 << 10
const TAG_BYTES = 16
/** Ahead of every clock of a simulation, so that its initiations are new to whoever knew another. */
const FIRST_TIMESTAMP_MS = 1_900_000_000_000

export interface RawPeerOptions {
  readonly network: Network
  readonly random: Random
  /** Its addresses come from it; different from those of the hosts. */
  readonly number: number
  /** Whom it talks to. */
  readonly host: SimulatedHost
}

export class RawPeer {
  readonly publicKey: PublicKey
  readonly tunnelIp4: IpAddress
  readonly tunnelIp6: IpAddress
  /** What came, except handshakes, oldest first. */
  readonly received: Uint8Array[] = []
  readonly cookieReplies: Uint8Array[] = []
  address: string
  /** After a response came. */
  keypair: Keypair | null = null
  /** Of the next initiation, milliseconds since 1970; goes up by itself. */
  timestampMs: number = FIRST_TIMESTAMP_MS
  readonly #options: RawPeerOptions
  readonly #identity: Identity
  readonly #remote: Remote
  readonly #cookie: CookieGenerator
  readonly #arena = new PacketArena(ARENA_BYTES)
  readonly #engine = nodeTransportEngine.create(this.#arena.memory)
  readonly #at = this.#arena.take(ARENA_BYTES / 2).offset
  #pending: InitiationCreated | null = null

  constructor(options: RawPeerOptions) {
    const { random, number, host, network } = options
    this.#options = options
    this.#identity = createIdentity(nodeSuite, random.bytes(32))
    this.publicKey = this.#identity.privateKey.publicKey as PublicKey
    this.tunnelIp4 = parseIp(`10.77.1.${number}`)!
    this.tunnelIp6 = parseIp(`fd77:1::${number.toString(16)}`)!
    this.address = `192.0.2.${100 + number}:51820`
    const hostKey: DhPublicKey = nodeSuite.x25519.importPublicKey(host.publicKey)
    const staticStatic = nodeSuite.x25519.deriveSharedSecret(this.#identity.privateKey, hostKey)
    this.#remote = { publicKey: hostKey, staticStatic, presharedKey: null }
    this.#cookie = new CookieGenerator(nodeSuite, host.publicKey)
    network.listen(this.address, (bytes) => this.#receive(bytes))
  }

  get now(): number {
    return this.#options.network.clock.now
  }

  /** How the host configures it. */
  asPeer(): PeerUpdate {
    const allowedIps = [
      { address: this.tunnelIp4, length: 32 },
      { address: this.tunnelIp6, length: 128 },
    ]
    return { publicKey: this.publicKey, endpoint: parseEndpoint(this.address)!, allowedIps }
  }

  /** Sends any bytes, from any address. */
  send(bytes: Uint8Array, from: string = this.address): void {
    this.#options.network.send(from, this.#options.host.address, bytes)
  }

  /** An initiation with right MACs; a response to the newest leads to a keypair. */
  initiation(): Uint8Array {
    const { random } = this.#options
    const bytes = new Uint8Array(HANDSHAKE_INITIATION_BYTES)
    const timestamp = encodeTai64n(this.timestampMs)
    this.timestampMs += 20
    const input = { ephemeralSecret: random.bytes(32), senderIndex: random.u32(), timestamp }
    const created = createInitiation(this.#identity, this.#remote, input, bytes, 0)
    if (typeof created === 'number') throw new Error(`no initiation: ${created}`)
    this.#pending = created
    this.#cookie.addMacs(bytes, 0, bytes.length, this.now)
    return bytes
  }

  /** A transport message around any bytes, padded by nobody. Without a counter, the next one. */
  seal(plaintext: Uint8Array, counter?: bigint): Uint8Array {
    const keypair = this.keypair
    if (keypair === null) throw new Error('no session yet')
    const nonce = counter ?? BigInt(keypair.sendCounter++)
    const { bytes } = this.#arena
    const payload = this.#at + TRANSPORT_HEADER_BYTES
    const [low, high] = [Number(nonce & 0xffffffffn), Number(nonce >> 32n)]
    bytes.set(plaintext, payload)
    this.#engine.seal(keypair.sendKey, low, high, payload, plaintext.length, payload)
    writeTransportHeader(bytes, this.#at, keypair.remoteIndex, low, high)
    return bytes.slice(this.#at, payload + plaintext.length + TAG_BYTES)
  }

  /** What is in a transport message for it; `null` when it is not. */
  open(datagram: Uint8Array): Uint8Array | null {
    const { bytes } = this.#arena
    bytes.set(datagram, this.#at)
    const view = new DataView(datagram.buffer, datagram.byteOffset)
    const [low, high] = [view.getUint32(8, true), view.getUint32(12, true)]
    const payload = this.#at + TRANSPORT_HEADER_BYTES
    const sealed = datagram.length - TRANSPORT_HEADER_BYTES
    if (!this.#engine.open(this.keypair!.receiveKey, low, high, payload, sealed, payload)) return null
    return bytes.slice(payload, payload + sealed - TAG_BYTES)
  }

  #receive(bytes: Uint8Array): void {
    const type = messageType(bytes)
    if (type === COOKIE_REPLY) {
      this.cookieReplies.push(bytes)
      this.#cookie.consumeReply(bytes, 0, this.now)
    } else if (type === HANDSHAKE_RESPONSE && this.#pending !== null) {
      const consumed = consumeResponse(this.#identity, this.#remote, this.#pending, bytes, 0)
      if (typeof consumed === 'number') return
      this.#pending = null
      this.keypair = deriveKeypair(nodeSuite, consumed, this.now)
    } else {
      this.received.push(bytes)
    }
  }
}
