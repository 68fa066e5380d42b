/** What an update must be before any of it takes effect. */
import type { AllowedIpUpdate, DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { Endpoint } from '@wireweave/tunnel/ip'
import { KEY_BYTES } from '@wireweave/tunnel/keys'
import { MAX_PEERS } from './peer-table.js'
import type { DeviceState } from './state.js'

/** Throws a `WireGuardError` that names the value at fault, unless it is a key. */
export function checkUpdate(state: DeviceState, update: DeviceUpdate): void {
  if (update.privateKey !== undefined && update.privateKey !== null) checkKey(update.privateKey, 'the private key')
  if (update.listenPort !== undefined) checkInteger(update.listenPort, 0, 65535, 'the listen port')
  if (update.fwmark !== undefined && update.fwmark !== null) checkInteger(update.fwmark, 0, 0xffffffff, 'the fwmark')
  let peers = update.replacePeers === true ? 0 : state.peers.size
  for (const peer of update.peers ?? []) {
    checkPeer(peer)
    const adds = peer.remove !== true && peer.updateOnly !== true
    if (adds && (update.replacePeers === true || state.peers.find(peer.publicKey) === null)) peers++
  }
  if (peers > MAX_PEERS) {
    throw new WireGuardError('LIMIT', `a device holds at most ${MAX_PEERS} peers: spread them over several interfaces`)
  }
}

function checkPeer(peer: PeerUpdate): void {
  checkKey(peer.publicKey, 'a public key')
  if (peer.presharedKey !== undefined && peer.presharedKey !== null) checkKey(peer.presharedKey, 'a preshared key')
  if (peer.endpoint !== undefined) checkEndpoint(peer.endpoint)
  if (peer.persistentKeepaliveInterval !== undefined) {
    checkInteger(peer.persistentKeepaliveInterval, 0, 65535, 'the persistent keepalive interval in seconds')
  }
  for (const allowedIp of peer.allowedIps ?? []) checkAllowedIp(allowedIp)
}

function checkEndpoint(endpoint: Endpoint): void {
  checkAddress(endpoint.address, 'the address of an endpoint')
  checkInteger(endpoint.port, 0, 65535, 'the port of an endpoint')
  if (endpoint.scopeId !== undefined) checkInteger(endpoint.scopeId, 0, 0xffffffff, 'the scope of an endpoint')
}

function checkAllowedIp(allowedIp: AllowedIpUpdate): void {
  checkAddress(allowedIp.address, 'an allowed IP')
  checkInteger(allowedIp.length, 0, allowedIp.address.length * 8, 'the prefix length of an allowed IP')
}

function checkKey(key: unknown, what: string): void {
  if (key instanceof Uint8Array && key.length === KEY_BYTES) return
  throw new WireGuardError('CONFIG_INVALID', `${what} must have ${KEY_BYTES} bytes`)
}

function checkAddress(address: unknown, what: string): void {
  if (address instanceof Uint8Array && (address.length === 4 || address.length === 16)) return
  throw new WireGuardError('CONFIG_INVALID', `${what} must have 4 or 16 bytes`)
}

function checkInteger(value: unknown, min: number, max: number, what: string): void {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return
  throw new WireGuardError(
    'CONFIG_INVALID',
    `${what} must be a whole number from ${min} to ${max}, not ${String(value)}`,
  )
}
