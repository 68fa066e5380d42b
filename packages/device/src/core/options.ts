/** What a device needs from outside, and what it tells. */
import type { Suite, TransportEngine } from '@wireweave/crypto/suite'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import type { PublicKey } from '@wireweave/tunnel/keys'
import type { PacketArena } from './arena.js'

export interface DeviceOptions {
  readonly suite: Suite
  /** Works on the memory of `arena`. */
  readonly engine: TransportEngine
  /** The device takes `deviceArenaBytes(batchSize)` of it. */
  readonly arena: PacketArena
  /** Fills `bytes` with cryptographically secure random bytes. */
  random(bytes: Uint8Array): void
  /** Wall clock, for the timestamp of handshakes and the time of the last one. May jump either way. */
  unixTimeMs(): number
  /** Of the interface, bytes; 0 when there is none. */
  readonly mtu: number
  /** The most packets one call of `sendPackets` or `receiveDatagrams` gets. */
  readonly batchSize: number
  /** Called synchronously; must not call back into the device. */
  onEvent?(event: TunnelEvent): void
  /** Called when `outbound` is full in the middle of a step: the shell sends and clears it, or drops it. */
  flush(): void
  /** Secrets of each handshake message we create, for a dissector. The ephemeral is wiped after the call. Absent: nothing is told. */
  onHandshakeSecrets?(secrets: HandshakeSecrets): void
}

/** What Wireshark's `wg.keylog_file` wants to know of a handshake. */
export interface HandshakeSecrets {
  readonly localStaticPrivateKey: Uint8Array
  readonly remoteStaticPublicKey: Uint8Array
  readonly localEphemeralPrivateKey: Uint8Array
  readonly presharedKey: Uint8Array
}

/** What a deadline is for: a timer of §6 of the whitepaper, or handshake messages that wait to be worked off. */
export type DeadlineReason =
  | 'retransmitHandshake'
  | 'sendKeepalive'
  | 'newHandshake'
  | 'zeroKeyMaterial'
  | 'persistentKeepalive'
  | 'handshakeQueue'

export interface Deadline {
  /** Monotonic milliseconds, on the scale of every `now`. */
  readonly at: number
  readonly reason: DeadlineReason
  /** `null` for the handshake queue. */
  readonly peer: PublicKey | null
}
