/** One `set` request, line by line, into a DeviceUpdate. */
import type { AllowedIpUpdate, DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import type { WireGuardError } from '@wireweave/tunnel/errors'
import { parseDecimal, parsePrefix } from '@wireweave/tunnel/ip'
import { isZeroKey } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { configInvalid, protocolError, readAscii, readEndpoint, readHexKey } from './uapi-line.js'
import type { ZoneLookup } from './uapi-line.js'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
interface PeerDraft extends Mutable<PeerUpdate> {
  allowedIps?: AllowedIpUpdate[]
}
interface DeviceDraft extends Mutable<DeviceUpdate> {
  peers?: PeerDraft[]
}

export class SetRequest {
  readonly update: DeviceDraft = {}
  readonly #zoneIndex: ZoneLookup
  #peer: PeerDraft | null = null

  constructor(zoneIndex: ZoneLookup) {
    this.#zoneIndex = zoneIndex
  }

  /** Takes in one line that is not blank. An error leaves the request unusable. */
  readLine(line: Uint8Array, lineNumber: number): WireGuardError | null {
    const equals = line.indexOf(EQUALS)
    if (equals < 0) return protocolError(`line ${lineNumber} of a UAPI set request is not key=value`)
    // No key is longer: what is, is unknown, and may be a secret in the wrong place.
    const key = readAscii(line, 0, Math.min(equals, 32))
    const problem =
      key === 'public_key' || this.#peer === null
        ? this.#readDeviceLine(key, line, equals + 1)
        : this.#readPeerLine(this.#peer, key, line, equals + 1)
    return problem === null ? null : configInvalid(`line ${lineNumber} of a UAPI set request: ${problem}`)
  }

  /** Wipes the keys of a request that came to nothing. */
  wipe(): void {
    this.update.privateKey?.fill(0)
    for (const peer of this.update.peers ?? []) peer.presharedKey?.fill(0)
  }

  #readDeviceLine(key: string, line: Uint8Array, at: number): string | null {
    switch (key) {
      case 'private_key': {
        const privateKey = readHexKey(line, at)
        if (privateKey === null) return 'private_key is not 64 hexadecimal digits'
        this.update.privateKey?.fill(0)
        this.update.privateKey = isZeroKey(privateKey) ? null : (privateKey as PrivateKey)
        return null
      }
      case 'listen_port': {
        const port = parseDecimal(readAscii(line, at, line.length), 65535)
        if (port === null) return 'listen_port is not a number from 0 to 65535'
        this.update.listenPort = port
        return null
      }
      case 'fwmark': {
        const mark = parseDecimal(readAscii(line, at, line.length), 0xffffffff)
        if (mark === null) return 'fwmark is not a decimal number from 0 to 4294967295'
        this.update.fwmark = mark === 0 ? null : mark
        return null
      }
      case 'replace_peers':
        this.update.replacePeers = true
        return isTrue(line, at) ? null : 'replace_peers can only be true'
      case 'public_key': {
        const publicKey = readHexKey(line, at)
        if (publicKey === null) return 'public_key is not 64 hexadecimal digits'
        this.#peer = { publicKey: publicKey as PublicKey }
        this.update.peers ??= []
        this.update.peers.push(this.#peer)
        return null
      }
      default:
        return 'unknown key of a device'
    }
  }

  #readPeerLine(peer: PeerDraft, key: string, line: Uint8Array, at: number): string | null {
    switch (key) {
      case 'remove':
        peer.remove = true
        return isTrue(line, at) ? null : 'remove can only be true'
      case 'update_only':
        peer.updateOnly = true
        return isTrue(line, at) ? null : 'update_only can only be true'
      case 'preshared_key': {
        const presharedKey = readHexKey(line, at)
        if (presharedKey === null) return 'preshared_key is not 64 hexadecimal digits'
        peer.presharedKey?.fill(0)
        peer.presharedKey = isZeroKey(presharedKey) ? null : (presharedKey as PresharedKey)
        return null
      }
      case 'endpoint': {
        const endpoint = readEndpoint(readAscii(line, at, line.length), this.#zoneIndex)
        if (endpoint === null) return 'endpoint is neither ip:port nor [ipv6]:port'
        peer.endpoint = endpoint
        return null
      }
      case 'persistent_keepalive_interval': {
        const seconds = parseDecimal(readAscii(line, at, line.length), 65535)
        if (seconds === null) return 'persistent_keepalive_interval is not a number from 0 to 65535'
        peer.persistentKeepaliveInterval = seconds
        return null
      }
      case 'replace_allowed_ips':
        this.#replaceAllowedIps(peer)
        return isTrue(line, at) ? null : 'replace_allowed_ips can only be true'
      case 'allowed_ip': {
        const allowedIp = parseAllowedIp(readAscii(line, at, line.length))
        if (allowedIp === null) return 'allowed_ip is not address/length'
        peer.allowedIps ??= []
        peer.allowedIps.push(allowedIp)
        return null
      }
      case 'protocol_version':
        return readAscii(line, at, line.length) === '1' ? null : 'protocol_version can only be 1'
      default:
        return 'unknown key of a peer'
    }
  }

  /** Prefixes of earlier lines go, too, but not before they were taken from other peers: that takes an update of its own. */
  #replaceAllowedIps(peer: PeerDraft): void {
    if (peer.allowedIps === undefined || peer.remove) {
      peer.replaceAllowedIps = true
      return
    }
    const { publicKey, updateOnly } = peer
    this.#peer = { publicKey, ...(updateOnly === undefined ? {} : { updateOnly }), replaceAllowedIps: true }
    this.update.peers!.push(this.#peer)
  }
}

function parseAllowedIp(text: string): AllowedIpUpdate | null {
  const remove = text.startsWith('-')
  // The length is not optional here: half an address that a dying client left behind must not become a whole one.
  const prefix = text.includes('/') ? parsePrefix(remove ? text.slice(1) : text) : null
  return prefix !== null && remove ? { ...prefix, remove } : prefix
}

function isTrue(line: Uint8Array, at: number): boolean {
  return line.length - at === 4 && readAscii(line, at, line.length) === 'true'
}

const EQUALS = 61
