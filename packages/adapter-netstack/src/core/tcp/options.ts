/** What may be set for all connections of a stack. */
import type { CongestionAlgorithm } from './congestion.js'
import { INITIAL_BUFFER_BYTES } from './send-buffer.js'

export interface TcpOptions {
  /** Where the limits of the send and receive buffer of a connection start, in bytes. Memory is taken as it is filled. */
  readonly initialBufferBytes: number
  /** What they may grow to. */
  readonly maxBufferBytes: number
  /** Memory of all buffers together. */
  readonly memoryBytes: number
  readonly congestion: CongestionAlgorithm
  /** The last eighth of them only for those that we open. */
  readonly maxConnections: number
  /** Connections of one listener whose handshake is not complete; the oldest unanswered one gives way (RFC 4987 §3.4). */
  readonly synBacklog: number
  /** Connections in TIME-WAIT; the oldest gives way. */
  readonly maxTimeWait: number
  /** Connections that the application has closed and the peer has not; the oldest is reset. */
  readonly maxOrphans: number
  /** Retransmissions of a SYN (R2 of RFC 9293 §3.8.3: at least three minutes for a SYN, which 7 are). */
  readonly synRetries: number
  /** Retransmissions of data, and unanswered window probes, before the connection is given up (R2). */
  readonly dataRetries: number
  /** The maximum segment lifetime; TIME-WAIT is twice as long (RFC 9293 §3.4.2). */
  readonly maximumSegmentLifetimeMs: number
}

export const defaultTcpOptions: TcpOptions = {
  initialBufferBytes: INITIAL_BUFFER_BYTES,
  maxBufferBytes: 4 * 1024 * 1024,
  memoryBytes: 512 * 1024 * 1024,
  congestion: 'cubic',
  maxConnections: 65536,
  synBacklog: 1024,
  maxTimeWait: 4096,
  maxOrphans: 8192,
  synRetries: 7,
  dataRetries: 15,
  maximumSegmentLifetimeMs: 30_000,
}
