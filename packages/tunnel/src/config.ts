/**
 * What a device is told and what it tells: the same for UAPI text, netlink, WireGuardNT and our own device.
 *
 * In an update *absent* leaves a value as it is, `null` clears it, and a value sets it.
 */
import type { Endpoint, IpPrefix } from './ip.js'
import type { PresharedKey, PrivateKey, PublicKey } from './keys.js'

/** An atomic change of a device: either all of it takes effect or, with an error, none. */
export interface DeviceUpdate {
  readonly privateKey?: PrivateKey | null
  /** 0..65535; 0 lets the system choose one, and leaves the one that it chose before. */
  readonly listenPort?: number
  /** Firewall mark of outgoing datagrams, 1..2^32-1; `null` for none. */
  readonly fwmark?: number | null
  /** Removes every peer before `peers` are applied. */
  readonly replacePeers?: boolean
  /** Applied in order; a public key may occur more than once. */
  readonly peers?: readonly PeerUpdate[]
}

export interface PeerUpdate {
  readonly publicKey: PublicKey
  /** Removes the peer; everything else in this update is ignored. */
  readonly remove?: boolean
  /** Ignores this update when the peer does not exist, instead of creating it. */
  readonly updateOnly?: boolean
  readonly presharedKey?: PresharedKey | null
  readonly endpoint?: Endpoint
  /** Seconds, 1..65535; 0 turns it off. Turning it on sends a keepalive at once. */
  readonly persistentKeepaliveInterval?: number
  /** Removes every allowed IP of this peer before `allowedIps` are applied. */
  readonly replaceAllowedIps?: boolean
  readonly allowedIps?: readonly AllowedIpUpdate[]
}

/** Gives a prefix to the peer, taking it from whichever peer had it, or takes it away from the peer. */
export interface AllowedIpUpdate extends IpPrefix {
  readonly remove?: boolean
}

/** A picture of a device at one moment. Contains no secret: those are in {@link DeviceSecrets}. */
export interface DeviceSnapshot {
  /** `null` when no private key is set. */
  readonly publicKey: PublicKey | null
  /** The port really bound, or the one configured while the device is down; 0 when neither. */
  readonly listenPort: number
  readonly fwmark: number | null
  readonly peers: readonly PeerSnapshot[]
}

export interface PeerSnapshot {
  readonly publicKey: PublicKey
  readonly hasPresharedKey: boolean
  readonly endpoint: Endpoint | null
  readonly persistentKeepaliveInterval: number
  readonly allowedIps: readonly IpPrefix[]
  /** Nanoseconds since the Unix epoch; `null` before the first handshake. */
  readonly lastHandshakeTimeNs: bigint | null
  /** Whole UDP payloads, handshakes and keepalives included. */
  readonly rxBytes: bigint
  readonly txBytes: bigint
}

/** What {@link DeviceSnapshot} leaves out, for `showconf`, `dump` and the UAPI, which must answer with it. Wipe it after use. */
export interface DeviceSecrets {
  readonly privateKey: PrivateKey | null
  /** In the order of the snapshot's peers. */
  readonly presharedKeys: readonly (PresharedKey | null)[]
}
