/** The per-byte work of TUN offloads, over the memory that holds the packets: WebAssembly where it can run, else JavaScript. */
/** What {@link Routines.inspect} says of a packet, in the low 8 bits: one of these, or the length of its headers. */
export const OTHER = 0
export const BARRIER = 1
export const ALONE = 2

/** All places are offsets into the arena; numbers come back; nothing is allocated. Nothing outside of the ranges is touched. */
export interface Routines {
  readonly name: 'wasm' | 'js'

  /** The sum of RFC 1071 over big-endian words, folded to 16 bits, not inverted. */
  sum(at: number, length: number): number

  /** Copies, and returns the {@link sum} of what it copied. The ranges must not overlap. */
  copySum(from: number, to: number, length: number): number

  /**
   * Cuts segments `first` to `first + count - 1` out of a large TCP or UDP packet and writes the n-th of them to
   * `to + n * stride`. `size` is the payload of a segment; `headers` is where payload begins, `transport` where the TCP
   * or UDP header does. IPv4 id and TCP sequence number count up, FIN and PSH stay with the last segment, CWR with the first.
   */
  cut(
    packet: number,
    length: number,
    headers: number,
    transport: number,
    isTcp: number,
    size: number,
    first: number,
    count: number,
    to: number,
    stride: number,
  ): void

  /**
   * May this packet be joined with others? The low 8 bits of the result say
   * - {@link OTHER}: neither TCP nor UDP;
   * - {@link BARRIER}: TCP or UDP of a flow that cannot be told: a fragment, IP options, lengths that contradict;
   * - {@link ALONE}: of a known flow, but not to be joined: flags other than ACK and PSH, no payload, a wrong checksum;
   * - else the length of its headers, 28 to 100: a whole packet with payload and right checksums.
   *
   * Bits 8 to 15 are a hash of the flow for the last two.
   */
  inspect(packet: number, length: number): number

  /**
   * 1 when the packet `next` continues `lead`, both with `headers` bytes of header: all fields equal but lengths,
   * checksums, PSH, the TCP sequence number (further by `payload`) and the IPv4 id (further by `nth`, or free with DF).
   */
  follows(lead: number, next: number, headers: number, payload: number, nth: number): number
}
