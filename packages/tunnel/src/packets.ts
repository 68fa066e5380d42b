/** Packets between a device and whatever carries them, in batches over one memory: never an object per packet. */
import type { Availability, InterfaceOptions, InterfaceRef, Reach } from './backend.js'

/**
 * The one memory in which packets live, from the system call that received them to the one that sends them.
 * Reserved at its final size: `bytes` is valid for the life of the arena.
 */
export interface Arena {
  readonly bytes: Uint8Array
  /** The WebAssembly.Memory behind `bytes`, for modules that work in place; `null` when there is none. */
  readonly memory: { readonly buffer: ArrayBufferLike } | null
}

/**
 * Up to `offsets.length` packets, each `lengths[i]` bytes at `arena.bytes[offsets[i]]`.
 *
 * Who fills a batch sets `count`; who reads it leaves it as it is. The bytes belong to the reader until it fills the
 * batch again. A packet that came from {@link PacketPort.receive} is followed by at least {@link PACKET_TAILROOM}
 * bytes that the reader may write, so that padding needs no copy.
 */
export interface PacketBatch {
  readonly arena: Arena
  readonly offsets: Uint32Array
  readonly lengths: Uint32Array
  count: number
}

/** Writable bytes after every received packet: fifteen of padding, kept a whole vector. */
export const PACKET_TAILROOM = 16

export function createBatch(arena: Arena, capacity: number): PacketBatch {
  return { arena, offsets: new Uint32Array(capacity), lengths: new Uint32Array(capacity), count: 0 }
}

/** A data path that carries IP packets and leaves WireGuard to us. */
export interface PacketAdapter {
  readonly name: string
  readonly dataPlane: 'userspace'
  readonly reach: Reach
  /** URL of a module whose default export is this adapter, for a worker to import. Absent when only this thread can use it. */
  readonly module?: string
  /** Would `openPackets` work here, now? No side effects; if not, the remedy. */
  probe(): Promise<Availability>
  /** How much of the arena a port of this MTU needs as its region, in bytes. Enough for a later MTU, too, if more slowly. */
  regionBytes(mtu: number): number
  openPackets(options: PacketPortOptions): Promise<PacketPort>
}

export interface PacketPortOptions extends InterfaceOptions {
  /** Received packets are placed in this memory. */
  readonly arena: Arena
  /** The part of the arena that the port may use to receive, at least {@link PacketAdapter.regionBytes} of it. */
  readonly region: { readonly offset: number; readonly length: number }
}

/** An open interface. One owner; calls do not overlap. */
export interface PacketPort {
  readonly interfaceRef: InterfaceRef | null
  /** The interface's MTU now; {@link PacketPort.onChange} tells when it changes. */
  readonly mtu: number
  /** How many packets one `receive` may return: the capacity its batch must have. */
  readonly batchSize: number
  /**
   * What poll(2) shows readable when `receive`, having returned 0, may return more; for a thread that waits without its
   * event loop. Absent where there is no such thing.
   */
  readonly descriptor?: number
  /** Whether the interface is up, where the system has such a thing. */
  readonly isUp: boolean
  /** Takes what is ready now; sets `batch.count` and returns it. 0 when nothing is. Throws only when the port is dead. */
  receive(batch: PacketBatch): number
  /** Hands over `batch` from packet `first` on; returns how many were taken. Packets the system refuses are counted and dropped. */
  send(batch: PacketBatch, first: number): number
  /** Resolves when `receive` may return more, rejects when the port is dead or `signal` fires. */
  readable(signal?: AbortSignal): Promise<void>
  /** Resolves when `send` may take more. */
  writable(signal?: AbortSignal): Promise<void>
  /** Brings the interface up or down; absent where the system has no such thing. Throws a `WireGuardError`. */
  setUp?(isUp: boolean): void
  /** Calls `listener` after `mtu` or `isUp` changed. One listener. */
  onChange(listener: () => void): void
  /** Settles when the port dies from outside (the interface was deleted) or is closed. Never rejects. */
  readonly closed: Promise<void>
  /** Idempotent; leaves nothing behind. */
  close(): Promise<void>
}
