/** What happened to packets, since the port was opened. */
export interface WintunStats {
  packetsReceived: number
  packetsSent: number
  /** Sent by us while the ring to the system was full: dropped. */
  ringFull: number
  /** Received, but no IP packets; sent by us, but longer than the driver takes. */
  malformed: number
}

export function newStats(): WintunStats {
  return { packetsReceived: 0, packetsSent: 0, ringFull: 0, malformed: 0 }
}
