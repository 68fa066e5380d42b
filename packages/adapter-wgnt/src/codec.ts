/** The contract's configuration to and from WireGuardNT's records. Bytes only: any platform. */
import { AF_INET, AF_INET6, decodeSockaddr, encodeSockaddr } from '@wireweave/ffi/win32/sockaddr'
import type {
  AllowedIpUpdate,
  DeviceSecrets,
  DeviceSnapshot,
  DeviceUpdate,
  PeerSnapshot,
  PeerUpdate,
} from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { IpPrefix } from '@wireweave/tunnel/ip'
import { isZeroKey, KEY_BYTES } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import * as abi from './abi.js'
import { ALLOWED_IP, INTERFACE, PEER } from './abi.js'

/** FILETIME counts 100 ns from 1601-01-01 on: this many to 1970-01-01. */
const UNIX_EPOCH_TICKS = 116_444_736_000_000_000n

/** The buffer for `WireGuardSetConfiguration`. It holds keys: the caller wipes it. */
export function encodeUpdate(update: DeviceUpdate): Uint8Array {
  const { peers = [] } = update
  const bytes = new Uint8Array(peers.reduce((sum, peer) => sum + peerBytes(peer), INTERFACE.size as number))
  const view = new DataView(bytes.buffer)
  let flags = update.replacePeers === true ? abi.INTERFACE_REPLACE_PEERS : 0
  if (update.privateKey !== undefined) {
    flags |= abi.INTERFACE_HAS_PRIVATE_KEY
    // 32 zero bytes take the key away.
    if (update.privateKey !== null) bytes.set(update.privateKey, INTERFACE.privateKey)
  }
  if (update.listenPort !== undefined) {
    flags |= abi.INTERFACE_HAS_LISTEN_PORT
    view.setUint16(INTERFACE.listenPort, update.listenPort, true)
  }
  view.setUint32(INTERFACE.flags, flags, true)
  view.setUint32(INTERFACE.peersCount, peers.length, true)
  let at: number = INTERFACE.size
  for (const peer of peers) at = writePeer(bytes, view, at, peer)
  return bytes
}

function peerBytes(peer: PeerUpdate): number {
  return PEER.size + allowedIpsOf(peer).length * ALLOWED_IP.size
}

function allowedIpsOf({ remove, allowedIps = [] }: PeerUpdate): readonly AllowedIpUpdate[] {
  return remove === true ? [] : allowedIps
}

function writePeer(bytes: Uint8Array, view: DataView, start: number, peer: PeerUpdate): number {
  const allowedIps = allowedIpsOf(peer)
  bytes.set(peer.publicKey, start + PEER.publicKey)
  view.setUint32(start + PEER.allowedIpsCount, allowedIps.length, true)
  let flags = abi.PEER_HAS_PUBLIC_KEY
  if (peer.remove === true) flags |= abi.PEER_REMOVE
  else {
    if (peer.updateOnly === true) flags |= abi.PEER_UPDATE_ONLY
    if (peer.replaceAllowedIps === true) flags |= abi.PEER_REPLACE_ALLOWED_IPS
    if (peer.presharedKey !== undefined) {
      flags |= abi.PEER_HAS_PRESHARED_KEY
      if (peer.presharedKey !== null) bytes.set(peer.presharedKey, start + PEER.presharedKey)
    }
    if (peer.persistentKeepaliveInterval !== undefined) {
      flags |= abi.PEER_HAS_PERSISTENT_KEEPALIVE
      view.setUint16(start + PEER.persistentKeepalive, peer.persistentKeepaliveInterval, true)
    }
    if (peer.endpoint !== undefined) {
      flags |= abi.PEER_HAS_ENDPOINT
      encodeSockaddr(view, start + PEER.endpoint, peer.endpoint)
    }
  }
  view.setUint32(start + PEER.flags, flags, true)
  let at = start + PEER.size
  for (const prefix of allowedIps) {
    bytes.set(prefix.address, at + ALLOWED_IP.address)
    view.setUint16(at + ALLOWED_IP.addressFamily, prefix.address.length === 4 ? AF_INET : AF_INET6, true)
    view.setUint8(at + ALLOWED_IP.cidr, prefix.length)
    view.setUint32(at + ALLOWED_IP.flags, prefix.remove === true ? abi.ALLOWED_IP_REMOVE : 0, true)
    at += ALLOWED_IP.size
  }
  return at
}

/** A configuration as the driver gave it. */
export interface DecodedDevice {
  /** Without a mark: Windows has none. */
  readonly snapshot: DeviceSnapshot
  /** The caller wipes them. */
  readonly secrets: DeviceSecrets
}

/** Reads what `WireGuardGetConfiguration` filled. Throws a `WireGuardError` when the counts do not fit the bytes. */
export function decodeConfiguration(bytes: Uint8Array): DecodedDevice {
  const reader = new Reader(bytes)
  const start = reader.take(INTERFACE.size)
  const { view } = reader
  const flags = view.getUint32(start + INTERFACE.flags, true)
  const peers: PeerSnapshot[] = []
  const presharedKeys: (PresharedKey | null)[] = []
  for (let left = view.getUint32(start + INTERFACE.peersCount, true); left > 0; left--) {
    const at = reader.take(PEER.size)
    const peerFlags = view.getUint32(at + PEER.flags, true)
    presharedKeys.push(
      (peerFlags & abi.PEER_HAS_PRESHARED_KEY) === 0 ? null : keyOrNull<PresharedKey>(bytes, at + PEER.presharedKey),
    )
    peers.push({
      publicKey: keyAt<PublicKey>(bytes, at + PEER.publicKey),
      hasPresharedKey: presharedKeys.at(-1) !== null,
      endpoint: (peerFlags & abi.PEER_HAS_ENDPOINT) === 0 ? null : decodeSockaddr(view, at + PEER.endpoint),
      persistentKeepaliveInterval: view.getUint16(at + PEER.persistentKeepalive, true),
      allowedIps: reader.allowedIps(view.getUint32(at + PEER.allowedIpsCount, true)),
      lastHandshakeTimeNs: unixNanoseconds(view.getBigUint64(at + PEER.lastHandshake, true)),
      rxBytes: view.getBigUint64(at + PEER.rxBytes, true),
      txBytes: view.getBigUint64(at + PEER.txBytes, true),
    })
  }
  const hasKey = (flags & abi.INTERFACE_HAS_PRIVATE_KEY) !== 0
  const hasPublicKey = (flags & abi.INTERFACE_HAS_PUBLIC_KEY) !== 0
  return {
    snapshot: {
      publicKey: hasPublicKey ? keyOrNull<PublicKey>(bytes, start + INTERFACE.publicKey) : null,
      listenPort: view.getUint16(start + INTERFACE.listenPort, true),
      fwmark: null,
      peers,
    },
    secrets: { privateKey: hasKey ? keyOrNull<PrivateKey>(bytes, start + INTERFACE.privateKey) : null, presharedKeys },
  }
}

class Reader {
  readonly view: DataView
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Where a record of this size begins. */
  take(size: number): number {
    const start = this.#at
    if (start + size > this.#bytes.length) malformed(`a record at ${start} ends after ${this.#bytes.length} bytes`)
    this.#at = start + size
    return start
  }

  allowedIps(count: number): IpPrefix[] {
    const prefixes: IpPrefix[] = []
    for (let left = count; left > 0; left--) prefixes.push(this.#allowedIp(this.take(ALLOWED_IP.size)))
    return prefixes
  }

  #allowedIp(at: number): IpPrefix {
    const family = this.view.getUint16(at + ALLOWED_IP.addressFamily, true)
    if (family !== AF_INET && family !== AF_INET6) malformed(`an allowed IP has the address family ${family}`)
    const bytes = family === AF_INET ? 4 : 16
    const length = this.view.getUint8(at + ALLOWED_IP.cidr)
    if (length > bytes * 8) malformed(`an allowed IP has the prefix length ${length}`)
    return { address: this.#bytes.slice(at + ALLOWED_IP.address, at + ALLOWED_IP.address + bytes), length }
  }
}

function unixNanoseconds(ticks: bigint): bigint | null {
  return ticks === 0n ? null : (ticks - UNIX_EPOCH_TICKS) * 100n
}

function keyOrNull<K extends Uint8Array>(bytes: Uint8Array, at: number): K | null {
  return isZeroKey(bytes.subarray(at, at + KEY_BYTES)) ? null : keyAt(bytes, at)
}

function keyAt<K extends Uint8Array>(bytes: Uint8Array, at: number): K {
  return bytes.slice(at, at + KEY_BYTES) as K
}

function malformed(why: string): never {
  const remedy = 'Is wireguard.dll 0.10 or later?'
  throw new WireGuardError('SYSTEM', `the driver gave a configuration that cannot be read: ${why}. ${remedy}`)
}
