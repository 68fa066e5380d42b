/** What the IP header of one packet says, as places in its bytes. One object is read into again and again. */

export interface IpPacket {
  /** The memory in which the packet lies. */
  bytes: Uint8Array
  version: 4 | 6
  /** Where the IP header starts. */
  header: number
  /** Where the addresses are, one after the other; 4 or 16 bytes each. */
  source: number
  destination: number
  addressBytes: 4 | 16
  /** What the payload is: a number of protocol.ts. */
  protocol: number
  payload: number
  payloadBytes: number
  isFragment: boolean
  /** Only of fragments. */
  moreFragments: boolean
  /** Bytes before this fragment in the whole payload. */
  fragmentOffset: number
  identification: number
}

export function newIpPacket(): IpPacket {
  return {
    bytes: new Uint8Array(0),
    version: 4,
    header: 0,
    source: 0,
    destination: 0,
    addressBytes: 4,
    protocol: 0,
    payload: 0,
    payloadBytes: 0,
    isFragment: false,
    moreFragments: false,
    fragmentOffset: 0,
    identification: 0,
  }
}
