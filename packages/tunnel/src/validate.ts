/** Checks an update before anything of it takes effect: the same for every backend. */
import type { AllowedIpUpdate, DeviceUpdate, PeerUpdate } from './config.js'
import { WireGuardError } from './errors.js'
import type { Endpoint } from './ip.js'
import { formatKey, KEY_BYTES } from './keys.js'

/** Throws a `WireGuardError` with code `CONFIG_INVALID` that names the first value out of range; no secret is in it. */
export function validateUpdate(update: DeviceUpdate): void {
  if (update.privateKey && !isBytes(update.privateKey, KEY_BYTES))
    fail('the private key', `must have ${KEY_BYTES} bytes`)
  if (update.listenPort !== undefined && !isInteger(update.listenPort, 65535))
    fail('the listen port', 'must be 0 to 65535')
  if (update.fwmark !== undefined && update.fwmark !== null && !isInteger(update.fwmark, 0xffffffff)) {
    fail('the fwmark', 'must be 0 to 4294967295')
  }
  for (const peer of update.peers ?? []) validatePeer(peer)
}

function validatePeer(peer: PeerUpdate): void {
  if (!isBytes(peer.publicKey, KEY_BYTES)) fail('a public key', `must have ${KEY_BYTES} bytes`)
  const { presharedKey, persistentKeepaliveInterval: interval, endpoint } = peer
  if (presharedKey && !isBytes(presharedKey, KEY_BYTES))
    fail(of(peer, 'the preshared key'), `must have ${KEY_BYTES} bytes`)
  if (interval !== undefined && !isInteger(interval, 65535)) {
    fail(of(peer, 'the persistent keepalive interval'), 'must be 0 (off) to 65535 seconds')
  }
  if (endpoint !== undefined) validateEndpoint(peer, endpoint)
  for (const prefix of peer.allowedIps ?? []) validatePrefix(peer, prefix)
}

function validateEndpoint(peer: PeerUpdate, { address, port, scopeId = 0 }: Endpoint): void {
  if (!isAddress(address)) fail(of(peer, 'the endpoint'), 'must have an address of 4 or 16 bytes')
  if (port === 0 || !isInteger(port, 65535)) fail(of(peer, 'the endpoint'), 'must have a port from 1 to 65535')
  if (!isInteger(scopeId, 0xffffffff)) fail(of(peer, 'the endpoint'), 'must have a scope id of 32 bits')
}

function validatePrefix(peer: PeerUpdate, { address, length }: AllowedIpUpdate): void {
  if (!isAddress(address)) fail(of(peer, 'an allowed IP'), 'must have an address of 4 or 16 bytes')
  if (!isInteger(length, address.length * 8))
    fail(of(peer, 'an allowed IP'), `must have a prefix length of 0 to ${address.length * 8}`)
}

function of(peer: PeerUpdate, what: string): string {
  return `${what} of peer ${formatKey(peer.publicKey)}`
}

function isAddress(address: Uint8Array): boolean {
  return isBytes(address, 4) || isBytes(address, 16)
}

/** Programs without types pass text here. */
function isBytes(value: unknown, length: number): boolean {
  return value instanceof Uint8Array && value.length === length
}

function isInteger(value: number, max: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= max
}

function fail(what: string, why: string): never {
  throw new WireGuardError('CONFIG_INVALID', `${what} ${why}; nothing was changed`)
}
