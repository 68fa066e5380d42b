/** Counters of a device. Plain numbers: they stay exact for 2^53 packets. */

export interface DeviceStats {
  /** Datagrams handed to the device, whatever became of them. */
  receivedDatagrams: number
  /** Datagrams put into `outbound`. */
  sentDatagrams: number
  /** Decrypted packets put into `inbound`. */
  receivedPackets: number
  /** Packets from the interface that were sealed and put into `outbound`. */
  sentPackets: number
  handshakeInitiationsSent: number
  handshakeResponsesSent: number
  cookieRepliesSent: number
  keepalivesSent: number
  /** ICMP errors written into `inbound`. */
  icmpErrorsSent: number
  readonly drops: Record<DropReason, number>
}

/** What a device holds for the moment. Everything is 0 when it has been idle for long enough. */
export interface DeviceLoad {
  /** Indices in use: handshakes in progress and keypairs. */
  readonly indices: number
  /** Peers with packets that wait for a key, and the bytes of those packets. */
  readonly waitingPeers: number
  readonly stagedBytes: number
  /** Handshake messages that wait to be worked off. */
  readonly queuedHandshakes: number
}

/** Why a datagram or packet went no further. */
export type DropReason = (typeof DROP_REASONS)[number]

const DROP_REASONS = [
  // Datagrams
  'malformedDatagram',
  'interfaceDown',
  'unknownIndex',
  'expiredKeypair',
  'replayed',
  'badTag',
  'badMac1',
  'handshakeQueueFull',
  'rateLimited',
  'badHandshake',
  'unknownPeer',
  'staleTimestamp',
  'initiationFlood',
  'badCookieReply',
  // What was inside of them
  'malformedInnerPacket',
  'sourceNotAllowed',
  'congestionMarked',
  // Packets from the interface
  'malformedPacket',
  'noRoute',
  'noEndpoint',
  'routingLoop',
  'stagedOverflow',
  'stagedExpired',
  // Ways out
  'inboundFull',
] as const

export function createStats(): DeviceStats {
  const drops = Object.fromEntries(DROP_REASONS.map((reason) => [reason, 0])) as Record<DropReason, number>
  return {
    receivedDatagrams: 0,
    sentDatagrams: 0,
    receivedPackets: 0,
    sentPackets: 0,
    handshakeInitiationsSent: 0,
    handshakeResponsesSent: 0,
    cookieRepliesSent: 0,
    keepalivesSent: 0,
    icmpErrorsSent: 0,
    drops,
  }
}
