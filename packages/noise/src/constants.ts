/** Every number of the protocol. `Ms` are milliseconds of a clock that counts suspend. */

// Specification: the whitepaper §5.4 (labels) and §6.1 (limits)

export const CONSTRUCTION = 'Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s'
export const IDENTIFIER = 'WireGuard v1 zx2c4 Jason@zx2c4.com'
export const LABEL_MAC1 = 'mac1----'
export const LABEL_COOKIE = 'cookie--'

export const REKEY_AFTER_TIME_MS = 120_000
export const REJECT_AFTER_TIME_MS = 180_000
export const REKEY_ATTEMPT_TIME_MS = 90_000
export const REKEY_TIMEOUT_MS = 5_000
export const KEEPALIVE_TIMEOUT_MS = 10_000

/**
 * The paper's limit on a received counter, 2^64 - 2^13 - 1, as two unsigned halves: a double cannot hold it.
 * A counter must be below it.
 */
export const REJECT_AFTER_MESSAGES_HIGH = 0xffff_ffff
export const REJECT_AFTER_MESSAGES_LOW = 0xffff_dfff

/** How long a cookie secret, and the cookies made with it, stay valid (§5.4.7). */
export const COOKIE_SECRET_MAX_AGE_MS = 120_000

/** Transport data is padded to a multiple of this many bytes (§5.4.6). */
export const PADDING_MULTIPLE_BYTES = 16

// Derived from the specification

/** After this long without a new session, all key material of a peer is zeroed (§6.3). */
export const ZERO_KEY_MATERIAL_AFTER_MS: number = 3 * REJECT_AFTER_TIME_MS
/** Age at which an initiator that receives starts a new handshake, once per keypair (§6.2). */
export const REKEY_AFTER_TIME_RECEIVING_MS: number = REJECT_AFTER_TIME_MS - KEEPALIVE_TIMEOUT_MS - REKEY_TIMEOUT_MS
/** A handshake starts when data was sent and nothing authenticated came back for this long (§6.5). */
export const NEW_HANDSHAKE_TIMEOUT_MS: number = KEEPALIVE_TIMEOUT_MS + REKEY_TIMEOUT_MS
/** Retransmissions of one handshake (§6.4). */
export const MAX_HANDSHAKE_ATTEMPTS: number = REKEY_ATTEMPT_TIME_MS / REKEY_TIMEOUT_MS

// Implementation choices

/**
 * Deviation: the paper rekeys after 2^60 messages and stops after 2^64 - 2^13 - 1. Our send counter is a double, exact
 * up to 2^53, so we stop far below that. A key lives 180 s: reaching 2^48 would take 1.5 * 10^12 packets a second.
 */
export const SEND_REKEY_AFTER_MESSAGES: number = 2 ** 48
export const SEND_REJECT_AFTER_MESSAGES: number = 2 ** 50

/** Random part of the retransmit and new-handshake timers: 0 up to this, exclusive. Linux has a third of a second. */
export const REKEY_TIMEOUT_JITTER_MS = 334
/** The least time between two initiations accepted from one peer: 50 a second. */
export const INITIATION_INTERVAL_MS = 20
/** A cookie that was received is used this much shorter than its secret lives, for the time it spent under way. */
export const COOKIE_LATENCY_MS = 5_000
/** How long a device stays under load after the last moment that its handshake queue was long. */
export const UNDER_LOAD_AFTER_TIME_MS = 1_000
/** Handshake messages that may wait, and from how many on the device is under load: as in Linux. */
export const MAX_QUEUED_HANDSHAKES = 4096
export const UNDER_LOAD_QUEUED_HANDSHAKES: number = MAX_QUEUED_HANDSHAKES / 8
/** Handshake messages per source address and second once cookies are asked for, and how many may come at once. */
export const HANDSHAKES_PER_SECOND = 20
export const HANDSHAKES_BURST = 5
/** Packets that wait for a session, per peer; the oldest goes first. */
export const MAX_STAGED_PACKETS = 128
