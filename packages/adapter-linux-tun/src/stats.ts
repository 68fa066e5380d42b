/** What happened to packets, since the port was opened. */
export interface LinuxTunStats {
  /** System calls that brought packets, and the packets they brought. */
  reads: number
  packetsReceived: number
  /** System calls that took packets, and the packets they took. */
  writes: number
  packetsSent: number
  /** Reads whose virtio header and packet contradict each other. */
  malformed: number
  /** Packets the interface refused: it is down, or they are no IP packets. */
  refused: number
}

export function newStats(): LinuxTunStats {
  return { reads: 0, packetsReceived: 0, writes: 0, packetsSent: 0, malformed: 0, refused: 0 }
}
