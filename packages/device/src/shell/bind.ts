/** The sockets of a device. Named as in wireguard-go. */
import type { Arena } from '@wireweave/tunnel/packets'
import type { Region } from '../core/arena.js'
import type { DatagramBatch } from '../core/datagrams.js'

/**
 * UDP over IPv4 and IPv6 on one port. One owner; calls do not overlap.
 *
 * A datagram that cannot be sent or received is counted and dropped. `receive` and `send` throw, and the promises
 * reject, with a `WireGuardError` of code `CLOSED` only when the sockets are of no more use: then the owner closes
 * the bind and opens another.
 */
export interface Bind {
  /** The port really bound. */
  readonly port: number
  /**
   * Takes what is ready now into `batch`, replacing what it holds; returns `batch.count`, 0 when nothing is ready.
   * The bytes stay valid until the next call.
   */
  receive(batch: DatagramBatch): number
  /**
   * Sends `batch` from datagram `first` on; returns how many were taken, those that the system refused included.
   * The rest when {@link Bind.writable} resolves. The bytes are the caller's again on return.
   */
  send(batch: DatagramBatch, first: number): number
  /** Resolves when `receive` may return more. */
  readable(signal?: AbortSignal): Promise<void>
  /** Resolves when `send` may take more. */
  writable(signal?: AbortSignal): Promise<void>
  /** Firewall mark of datagrams sent from now on; 0 for none. Throws and changes nothing when it may not. */
  setMark(mark: number): void
  /** Idempotent; promises that wait reject. */
  close(): Promise<void>
}

/** What a bind can do beyond {@link Bind} when it answers from the address that was asked; ask with `in`. */
export interface StickyBind extends Bind {
  /** Calls `listener` after routes or addresses of the host changed. One listener. */
  onRouteChange(listener: () => void): void
  /**
   * Whether datagrams to the record at `at` of `records` would leave through another interface than the one at which
   * its local address was learned. That an address is gone shows when it is sent from, if not here.
   */
  isSourceStale(records: Uint8Array, at: number): boolean
}

/** What a bind can do beyond {@link Bind} where routes alone cannot keep its datagrams out of the tunnel; ask with `in`. */
export interface InterfaceBind extends Bind {
  /**
   * The interface by which datagrams of a family leave from now on; 0 for what the routes say. False when the system
   * refuses, and nothing changed.
   */
  sendThrough(family: 4 | 6, index: number): boolean
}

/** What a bind can do beyond {@link Bind} for a thread that waits without its event loop; ask with `in`. */
export interface ParkableBind extends Bind {
  /** Its sockets. The same array as long as the bind is open. */
  readonly descriptors: readonly number[]
  /** Descriptor `index` was found readable: `receive` looks there. */
  arrived(index: number): void
}

export interface BindOptions {
  /** 0..65535; 0 lets the system choose one that is free in both families. */
  readonly port: number
  /** Firewall mark; 0 for none. */
  readonly mark: number
  readonly arena: Arena
  /** The part of the arena that received datagrams may fill, at least {@link MIN_RECEIVE_BYTES}. */
  readonly region: Region
}

/** Rejects with a `WireGuardError`: `ADDRESS_IN_USE`, `PERMISSION_DENIED`, `NOT_SUPPORTED` or `SYSTEM`. */
export type OpenBind = (options: BindOptions) => Promise<Bind>

/** Room for one datagram of any size. */
export const MIN_RECEIVE_BYTES = 65536

/** Kernel buffer that each socket asks for, per direction, as wireguard-go does. Systems grant less without complaint. */
export const SOCKET_BUFFER_BYTES: number = 7 << 20

/** How often a random port is tried again when only one family could have it, as wireguard-go does. */
export const RANDOM_PORT_ATTEMPTS = 100
