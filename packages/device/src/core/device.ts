/** A WireGuard device without I/O, clock or random source of its own. */
import type { Suite, TransportEngine } from '@wireweave/crypto/suite'
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from '@wireweave/tunnel/config'
import type { TunnelEvent } from '@wireweave/tunnel/events'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { createBatch, type PacketBatch } from '@wireweave/tunnel/packets'
import type { PacketArena } from './arena.js'
import { DatagramBatch } from './datagrams.js'
import { createStats, type DeviceStats } from './stats.js'

export interface DeviceOptions {
  readonly suite: Suite
  /** Works on the memory of `arena`. */
  readonly engine: TransportEngine
  readonly arena: PacketArena
  /** Fills `bytes` with cryptographically secure random bytes. */
  random(bytes: Uint8Array): void
  /** Wall clock, for the timestamp of handshakes and the time of the last one. May jump either way. */
  unixTimeMs(): number
  /** Of the interface, bytes. */
  readonly mtu: number
  /** The most packets one call of `sendPackets` or `receiveDatagrams` gets. */
  readonly batchSize: number
  /** Called synchronously; must not call back into the device. */
  onEvent?(event: TunnelEvent): void
  /** Called when `outbound` is full in the middle of a step: the shell sends and clears it, or drops it. */
  flush(): void
  /** Secrets of each handshake, for a dissector. The arrays are wiped after the call. Absent: nothing is told. */
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

/**
 * Every `now` is monotonic milliseconds of a clock that counts suspend. Starts down, without a key.
 * After every call the shell sends and clears `outbound`, hands `inbound` to the interface, and arms one timer for
 * {@link Device.nextDeadline}.
 */
export class Device {
  /** Datagrams to send. */
  readonly outbound: DatagramBatch
  /** Decrypted packets, in place in the receive region, and ICMP errors of ours. The shell sets `count` to 0. */
  readonly inbound: PacketBatch
  readonly stats: DeviceStats = createStats()

  constructor(options: DeviceOptions) {
    this.outbound = new DatagramBatch(options.arena, options.batchSize)
    this.inbound = createBatch(options.arena, options.batchSize)
  }

  /** The port asked for by the last update, 0 for any. */
  get listenPort(): number {
    return notYet()
  }

  get fwmark(): number | null {
    return notYet()
  }

  /** All or nothing: throws a `WireGuardError` and leaves everything as it was, or takes effect entirely. */
  apply(_update: DeviceUpdate, _now: number): void {
    notYet()
  }

  snapshot(): DeviceSnapshot {
    return notYet()
  }

  /** Copies; the caller wipes them. */
  secrets(): DeviceSecrets {
    return notYet()
  }

  up(_now: number): void {
    notYet()
  }

  /** Forgets keys and staged packets; the configuration stays. */
  down(_now: number): void {
    notYet()
  }

  /** The port that the shell really bound. Forgets cached local addresses. */
  setBoundPort(_port: number): void {
    notYet()
  }

  setMtu(_mtu: number): void {
    notYet()
  }

  /** Data is opened at once; handshake messages are queued when their first MAC is right. */
  receiveDatagrams(_batch: DatagramBatch, _now: number): void {
    notYet()
  }

  sendPackets(_batch: PacketBatch, _now: number): void {
    notYet()
  }

  /** Works off at most `budget` queued handshake messages. */
  processHandshakes(_budget: number, _now: number): void {
    notYet()
  }

  /** The earliest moment at which {@link Device.advance} has something to do; `null` when there is none. */
  nextDeadline(): Deadline | null {
    return notYet()
  }

  /** Runs every deadline that is due. Harmless when called early. */
  advance(_now: number): void {
    notYet()
  }

  /** The host moved: forgets cached local addresses and lets every peer start a handshake at once. */
  networkChanged(_now: number): void {
    notYet()
  }
}

function notYet(): never {
  throw new Error('not built yet')
}
