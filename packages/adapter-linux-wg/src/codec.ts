/** The contract's configuration to and from the kernel's WireGuard netlink messages. Bytes only: any platform. */
import { AF_INET, AF_INET6, SOCKADDR_IN, SOCKADDR_IN6 } from '@wireweave/ffi/linux'
import { GENERIC_HEADER_BYTES, genericMessage } from '@wireweave/netlink/generic'
import { readAttributeList, readAttributes, readU16, readU32, readU64 } from '@wireweave/netlink/message'
import type { MessageWriter } from '@wireweave/netlink/message'
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate, PeerSnapshot, PeerUpdate } from '@wireweave/tunnel/config'
import type { Endpoint, IpPrefix } from '@wireweave/tunnel/ip'
import { isZeroKey, KEY_BYTES } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import * as abi from './abi.js'

/**
 * Where a message is split. The kernel takes as much as the socket's send buffer holds, but the length of the attribute
 * that holds all peers of a message has 16 bits.
 */
const SPLIT_BYTES = 60_000
/** The most bytes of one peer without its allowed IPs, and of one allowed IP, headers and padding included. */
const PEER_BYTES = 160
const ALLOWED_IP_BYTES = 52

/**
 * The SET_DEVICE messages of an update. Flags that replace stand only where their list begins, so that the parts add up.
 * The messages hold keys: the caller wipes them.
 */
export function encodeUpdate(update: DeviceUpdate, family: number, ifindex: number): Uint8Array[] {
  const parts = new Parts(family, ifindex)
  parts.writeDevice(update)
  for (const peer of update.peers ?? []) parts.writePeer(peer)
  return parts.finish()
}

export function encodeGet(family: number, ifindex: number): Uint8Array {
  const message = genericMessage(family, abi.WG_CMD_GET_DEVICE, abi.WG_GENL_VERSION)
  return message.u32(abi.WGDEVICE_A_IFINDEX, ifindex).finish()
}

class Parts {
  readonly #family: number
  readonly #ifindex: number
  readonly #done: Uint8Array[] = []
  #message: MessageWriter
  #peers: number | null = null

  constructor(family: number, ifindex: number) {
    this.#family = family
    this.#ifindex = ifindex
    this.#message = this.#begin()
  }

  writeDevice(update: DeviceUpdate): void {
    const message = this.#message
    if (update.privateKey !== undefined) {
      message.attribute(abi.WGDEVICE_A_PRIVATE_KEY, update.privateKey ?? new Uint8Array(KEY_BYTES))
    }
    if (update.listenPort !== undefined) message.u16(abi.WGDEVICE_A_LISTEN_PORT, update.listenPort)
    if (update.fwmark !== undefined) message.u32(abi.WGDEVICE_A_FWMARK, update.fwmark ?? 0)
    if (update.replacePeers === true) message.u32(abi.WGDEVICE_A_FLAGS, abi.WGDEVICE_F_REPLACE_PEERS)
  }

  writePeer(peer: PeerUpdate): void {
    this.#makeRoom(PEER_BYTES)
    let nest = this.#beginPeer(peer, flagsOf(peer))
    if (peer.remove !== true) {
      if (peer.presharedKey !== undefined) {
        this.#message.attribute(abi.WGPEER_A_PRESHARED_KEY, peer.presharedKey ?? new Uint8Array(KEY_BYTES))
      }
      if (peer.endpoint !== undefined) this.#message.attribute(abi.WGPEER_A_ENDPOINT, encodeEndpoint(peer.endpoint))
      if (peer.persistentKeepaliveInterval !== undefined) {
        this.#message.u16(abi.WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer.persistentKeepaliveInterval)
      }
      const allowedIps = peer.allowedIps ?? []
      for (let at = 0; at < allowedIps.length;) {
        const list = this.#message.beginNest(abi.WGPEER_A_ALLOWEDIPS)
        while (at < allowedIps.length && this.#hasRoom(ALLOWED_IP_BYTES)) this.#writeAllowedIp(allowedIps[at++]!)
        this.#message.endNest(list)
        if (at === allowedIps.length) break
        // The rest goes into a message of its own, for the same peer: it exists by now, or was not wanted.
        this.#message.endNest(nest)
        this.#split()
        this.#openPeers()
        nest = this.#beginPeer(peer, abi.WGPEER_F_UPDATE_ONLY)
      }
    }
    this.#message.endNest(nest)
  }

  finish(): Uint8Array[] {
    this.#split()
    return this.#done
  }

  #beginPeer(peer: PeerUpdate, flags: number): number {
    const nest = this.#message.beginNest(0)
    this.#message.attribute(abi.WGPEER_A_PUBLIC_KEY, peer.publicKey)
    if (flags !== 0) this.#message.u32(abi.WGPEER_A_FLAGS, flags)
    return nest
  }

  #writeAllowedIp(prefix: IpPrefix & { readonly remove?: boolean }): void {
    const nest = this.#message.beginNest(0)
    this.#message.u16(abi.WGALLOWEDIP_A_FAMILY, prefix.address.length === 4 ? AF_INET : AF_INET6)
    this.#message.attribute(abi.WGALLOWEDIP_A_IPADDR, prefix.address)
    this.#message.u8(abi.WGALLOWEDIP_A_CIDR_MASK, prefix.length)
    if (prefix.remove === true) this.#message.u32(abi.WGALLOWEDIP_A_FLAGS, abi.WGALLOWEDIP_F_REMOVE_ME)
    this.#message.endNest(nest)
  }

  #hasRoom(bytes: number): boolean {
    return this.#message.length + bytes <= SPLIT_BYTES
  }

  #makeRoom(bytes: number): void {
    if (!this.#hasRoom(bytes)) this.#split()
    this.#openPeers()
  }

  #openPeers(): void {
    this.#peers ??= this.#message.beginNest(abi.WGDEVICE_A_PEERS)
  }

  #split(): void {
    if (this.#peers !== null) this.#message.endNest(this.#peers)
    this.#peers = null
    this.#done.push(this.#message.finish())
    this.#message.wipe()
    this.#message = this.#begin()
  }

  #begin(): MessageWriter {
    const message = genericMessage(this.#family, abi.WG_CMD_SET_DEVICE, abi.WG_GENL_VERSION)
    return message.u32(abi.WGDEVICE_A_IFINDEX, this.#ifindex)
  }
}

function flagsOf(peer: PeerUpdate): number {
  if (peer.remove === true) return abi.WGPEER_F_REMOVE_ME
  const replace = peer.replaceAllowedIps === true ? abi.WGPEER_F_REPLACE_ALLOWEDIPS : 0
  return replace | (peer.updateOnly === true ? abi.WGPEER_F_UPDATE_ONLY : 0)
}

function encodeEndpoint({ address, port, scopeId = 0 }: Endpoint): Uint8Array {
  const isV4 = address.length === 4
  const bytes = new Uint8Array(isV4 ? SOCKADDR_IN.size : SOCKADDR_IN6.size)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, isV4 ? AF_INET : AF_INET6, true)
  view.setUint16(SOCKADDR_IN.port, port)
  bytes.set(address, isV4 ? SOCKADDR_IN.addr : SOCKADDR_IN6.addr)
  if (!isV4) view.setUint32(SOCKADDR_IN6.scopeId, scopeId, true)
  return bytes
}

function decodeEndpoint(bytes: Uint8Array): Endpoint | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const family = view.getUint16(0, true)
  const port = view.getUint16(SOCKADDR_IN.port)
  if (family === AF_INET) return { address: bytes.slice(SOCKADDR_IN.addr, SOCKADDR_IN.addr + 4), port }
  if (family !== AF_INET6) return null
  const address = bytes.slice(SOCKADDR_IN6.addr, SOCKADDR_IN6.addr + 16)
  const scopeId = view.getUint32(SOCKADDR_IN6.scopeId, true)
  return scopeId === 0 ? { address, port } : { address, port, scopeId }
}

export interface DecodedDevice {
  readonly snapshot: DeviceSnapshot
  /** The caller wipes them. */
  readonly secrets: DeviceSecrets
}

type MutablePeer = { -readonly [K in keyof PeerSnapshot]: PeerSnapshot[K] } & { allowedIps: IpPrefix[] }

/** Puts the parts of a GET_DEVICE dump together. A peer whose allowed IPs did not fit goes on in the next part. */
export function decodeDevice(parts: readonly Uint8Array[]): DecodedDevice {
  let publicKey: PublicKey | null = null
  let privateKey: PrivateKey | null = null
  let listenPort = 0
  let fwmark: number | null = null
  const peers: MutablePeer[] = []
  const presharedKeys: (PresharedKey | null)[] = []
  for (const part of parts) {
    for (const [type, payload] of readAttributeList(part.subarray(GENERIC_HEADER_BYTES))) {
      if (type === abi.WGDEVICE_A_PUBLIC_KEY) publicKey = keyOrNull(payload)
      else if (type === abi.WGDEVICE_A_PRIVATE_KEY) privateKey = keyOrNull(payload)
      else if (type === abi.WGDEVICE_A_LISTEN_PORT) listenPort = readU16(payload)
      else if (type === abi.WGDEVICE_A_FWMARK) fwmark = readU32(payload) || null
      else if (type === abi.WGDEVICE_A_PEERS) {
        for (const [, peer] of readAttributeList(payload)) addPeer(peer, peers, presharedKeys)
      }
    }
  }
  return { snapshot: { publicKey, listenPort, fwmark, peers }, secrets: { privateKey, presharedKeys } }
}

function addPeer(bytes: Uint8Array, peers: MutablePeer[], presharedKeys: (PresharedKey | null)[]): void {
  const attributes = readAttributes(bytes)
  const publicKey = attributes.get(abi.WGPEER_A_PUBLIC_KEY)
  if (publicKey === undefined) return
  const allowedIps = readAllowedIps(attributes.get(abi.WGPEER_A_ALLOWEDIPS))
  const last = peers.at(-1)
  if (last !== undefined && last.publicKey.every((byte, i) => byte === publicKey[i])) {
    last.allowedIps.push(...allowedIps)
    return
  }
  const presharedKey = attributes.get(abi.WGPEER_A_PRESHARED_KEY)
  const endpoint = attributes.get(abi.WGPEER_A_ENDPOINT)
  const keepalive = attributes.get(abi.WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL)
  presharedKeys.push(presharedKey === undefined ? null : keyOrNull<PresharedKey>(presharedKey))
  peers.push({
    publicKey: publicKey.slice() as PublicKey,
    hasPresharedKey: presharedKeys.at(-1) !== null,
    endpoint: endpoint === undefined ? null : decodeEndpoint(endpoint),
    persistentKeepaliveInterval: keepalive === undefined ? 0 : readU16(keepalive),
    allowedIps,
    lastHandshakeTimeNs: readTime(attributes.get(abi.WGPEER_A_LAST_HANDSHAKE_TIME)),
    rxBytes: readCounter(attributes.get(abi.WGPEER_A_RX_BYTES)),
    txBytes: readCounter(attributes.get(abi.WGPEER_A_TX_BYTES)),
  })
}

function readAllowedIps(bytes: Uint8Array | undefined): IpPrefix[] {
  if (bytes === undefined) return []
  return readAttributeList(bytes).map(([, entry]) => {
    const attributes = readAttributes(entry)
    const address = attributes.get(abi.WGALLOWEDIP_A_IPADDR)?.slice() ?? new Uint8Array(4)
    return { address, length: attributes.get(abi.WGALLOWEDIP_A_CIDR_MASK)?.[0] ?? 0 }
  })
}

/** Two 64-bit integers: seconds and nanoseconds since the Unix epoch, both 0 before the first handshake. */
function readTime(bytes: Uint8Array | undefined): bigint | null {
  if (bytes === undefined) return null
  return readU64(bytes) * 1_000_000_000n + readU64(bytes.subarray(8)) || null
}

function readCounter(bytes: Uint8Array | undefined): bigint {
  return bytes === undefined ? 0n : readU64(bytes)
}

function keyOrNull<K extends Uint8Array>(bytes: Uint8Array): K | null {
  return isZeroKey(bytes) ? null : (bytes.slice() as K)
}
