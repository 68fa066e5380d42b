/** What the services of one proxy share. */
import type { Dialer } from './dialer.js'
import { Slots } from './limits.js'
import type { Limits } from './limits.js'

export type ServiceKind = 'socks5' | 'http' | 'forward' | 'reverse' | 'info'

/** Counted since the start. */
export interface ProxyStats {
  /** By kind: connections that were taken. */
  readonly connections: Record<ServiceKind, number>
  /** Connections and associations for which there was no place. */
  refused: number
  /** Clients that said who they are, wrongly, or did not say. */
  unauthorized: number
  /** The other side could not be reached. */
  failed: number
  /** Bytes of connections that have ended. */
  sentBytes: number
  receivedBytes: number
  datagramsSent: number
  datagramsReceived: number
  datagramsDropped: number
}

export class Context {
  readonly dialer: Dialer
  readonly limits: Limits
  /** Listen beyond loopback without authentication. */
  readonly isExposed: boolean
  /** Of names: 4, 6, or 0 for both. */
  readonly family: number
  readonly connections: Slots
  readonly associations: Slots
  readonly stats: ProxyStats = {
    connections: { socks5: 0, http: 0, forward: 0, reverse: 0, info: 0 },
    refused: 0,
    unauthorized: 0,
    failed: 0,
    sentBytes: 0,
    receivedBytes: 0,
    datagramsSent: 0,
    datagramsReceived: 0,
    datagramsDropped: 0,
  }

  /** `doors` are the kinds of services that take connections. */
  constructor(dialer: Dialer, limits: Limits, isExposed: boolean, family: number, doors: readonly ServiceKind[]) {
    this.dialer = dialer
    this.limits = limits
    this.isExposed = isExposed
    this.family = family
    this.connections = new Slots(limits.connections, doors.length)
    this.associations = new Slots(limits.associations, doors.filter((kind) => kind === 'socks5').length)
  }
}

/** A door that is open. */
export interface Service {
  readonly kind: ServiceKind
  readonly protocol: 'tcp' | 'udp'
  readonly address: string
  readonly port: number
  /** Where a forward leads. */
  readonly target: { readonly host: string; readonly port: number } | null
  /** Closes the door and ends what came through it. */
  close(): Promise<void>
}
