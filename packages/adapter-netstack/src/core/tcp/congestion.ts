/** How much may be under way: CUBIC (RFC 9438) or NewReno (RFC 5681). Windows are in bytes, times in milliseconds. */

export type CongestionAlgorithm = 'cubic' | 'reno'

/** RFC 9438 §4.6 and §5: beta and C (segments per cubic second). */
const CUBIC_BETA = 0.7
const CUBIC_C = 0.4
/** RFC 9438 §4.3, equation for alpha. */
const CUBIC_ALPHA = (3 * (1 - CUBIC_BETA)) / (1 + CUBIC_BETA)
/** RFC 9406 §4.2. */
const MIN_RTT_THRESHOLD_MS = 4
const MAX_RTT_THRESHOLD_MS = 16
const MIN_ROUND_SAMPLES = 8

export class Congestion {
  readonly #isCubic: boolean
  window = 0
  threshold: number = Number.POSITIVE_INFINITY
  #segment = 0
  /** CUBIC: W_max in bytes, start of the epoch (-1 when none), K in seconds, W_est in bytes. */
  #maximum = 0
  #epoch = -1
  #k = 0
  #estimate = 0
  /** Reno's fraction of a segment. */
  #acknowledged = 0
  /** HyStart++: the end of the round in acknowledged bytes, and the least round-trip times of this and the last. */
  #delivered = 0
  #roundEnd = 0
  #roundLeast = Number.POSITIVE_INFINITY
  #lastLeast = Number.POSITIVE_INFINITY
  #samples = 0

  constructor(algorithm: CongestionAlgorithm) {
    this.#isCubic = algorithm === 'cubic'
  }

  /** The initial window of RFC 6928 §2, or one segment when the SYN was lost (RFC 5681 §3.1). */
  begin(segmentBytes: number, synWasLost: boolean): void {
    this.#segment = segmentBytes
    this.window = synWasLost ? segmentBytes : initialWindow(segmentBytes)
  }

  /** The path takes smaller segments now. */
  setSegment(bytes: number): void {
    this.#segment = bytes
    this.window = Math.max(this.window, bytes)
  }

  get isSlowStart(): boolean {
    return this.window < this.threshold
  }

  /** New data were acknowledged while the window was what held us back (RFC 9438 §5.8), outside recovery. */
  onAcknowledged(bytes: number, roundTripMs: number, now: number): void {
    if (this.isSlowStart) {
      // RFC 3465 with L unbounded, as peers that acknowledge large pieces at once need it.
      this.window = Math.min(this.window + bytes, Math.max(this.threshold, this.window))
      if (this.isSlowStart) return
    }
    if (this.#isCubic) this.#growCubic(bytes, roundTripMs, now)
    else this.#growReno(bytes)
  }

  /**
   * HyStart++ (RFC 9406 §4.2, without the conservative phase of §4.3): leaves slow start when the round trip grows,
   * before the queue overflows. Called for every ACK.
   */
  onRoundTrip(delivered: number, roundTripMs: number): void {
    this.#delivered += delivered
    if (!this.isSlowStart) return
    if (this.#delivered > this.#roundEnd) {
      this.#roundEnd = this.#delivered + this.window
      this.#lastLeast = this.#roundLeast
      this.#roundLeast = Number.POSITIVE_INFINITY
      this.#samples = 0
    }
    if (roundTripMs < 0) return
    this.#roundLeast = Math.min(this.#roundLeast, roundTripMs)
    if (++this.#samples < MIN_ROUND_SAMPLES || this.#lastLeast === Number.POSITIVE_INFINITY) return
    const margin = Math.min(MAX_RTT_THRESHOLD_MS, Math.max(MIN_RTT_THRESHOLD_MS, this.#lastLeast / 8))
    if (this.#roundLeast >= this.#lastLeast + margin) this.threshold = this.window
  }

  /** A loss was found (RFC 5681 §3.2, RFC 9438 §4.6), once per window of data. Sets window and threshold. */
  onLoss(inFlight: number): void {
    this.#reduce(inFlight)
    this.window = this.threshold
  }

  /** The retransmission timer ran out (RFC 5681 §3.1): one segment. `isNewLoss`: the threshold is to follow. */
  onTimeout(inFlight: number, isNewLoss: boolean): void {
    if (isNewLoss) this.#reduce(inFlight)
    this.window = this.#segment
    this.#epoch = -1
  }

  /** Nothing was sent for longer than a timeout (RFC 5681 §4.1). */
  onIdle(): void {
    this.window = Math.min(this.window, initialWindow(this.#segment))
    this.#epoch = -1
  }

  #reduce(inFlight: number): void {
    const beta = this.#isCubic ? CUBIC_BETA : 0.5
    if (this.#isCubic) {
      // RFC 9438 §4.7, fast convergence.
      const { window } = this
      this.#maximum = window < this.#maximum ? (window * (1 + CUBIC_BETA)) / 2 : window
      this.#epoch = -1
    }
    this.threshold = Math.max(Math.floor(inFlight * beta), 2 * this.#segment)
  }

  #growReno(bytes: number): void {
    // RFC 5681 §3.1: one segment per window.
    this.#acknowledged += bytes
    if (this.#acknowledged < this.window) return
    this.#acknowledged -= this.window
    this.window += this.#segment
  }

  /** RFC 9438 §4.2 to §4.5. */
  #growCubic(bytes: number, roundTripMs: number, now: number): void {
    const segment = this.#segment
    if (this.#epoch < 0) {
      this.#epoch = now
      if (this.#maximum <= this.window) this.#maximum = this.window
      this.#k = Math.cbrt((this.#maximum - this.window) / segment / CUBIC_C)
      this.#estimate = this.window
    }
    const seconds = (now - this.#epoch + Math.max(0, roundTripMs)) / 1000
    const cubic = CUBIC_C * (seconds - this.#k) ** 3 * segment + this.#maximum
    const alpha = this.#estimate >= this.#maximum ? 1 : CUBIC_ALPHA
    this.#estimate += (alpha * segment * bytes) / this.window
    if (cubic < this.#estimate) {
      this.window = Math.max(this.window, this.#estimate)
      return
    }
    const target = Math.min(Math.max(cubic, this.window), this.window * 1.5)
    this.window += ((target - this.window) * bytes) / this.window
  }
}

function initialWindow(segmentBytes: number): number {
  return Math.min(10 * segmentBytes, Math.max(2 * segmentBytes, 14600))
}
