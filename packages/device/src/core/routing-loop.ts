/**
 * Datagrams of ours that the system routes back into the tunnel they came from. Sealed again they would come back
 * again, longer each time and then in fragments, without end. A wrong route does it, and so does a peer that sends from
 * an outer address which routes into the tunnel, such as its own inner one: we follow it there.
 */
import type { Keypair } from '@wireweave/noise/keypair'
import { HANDSHAKE_INITIATION, HANDSHAKE_RESPONSE, TRANSPORT_DATA } from '@wireweave/noise/messages'
import { formatIp } from '@wireweave/tunnel/ip'
import { readIndex } from './index-table.js'
import { IPV4_DESTINATION, IPV4_HEADER_BYTES, IPV6_DESTINATION, IPV6_HEADER_BYTES } from './inner-packet.js'
import type { DeviceState } from './state.js'

const UDP = 17
const UDP_HEADER_BYTES = 8
const FRAGMENT = 44
const FRAGMENT_HEADER_BYTES = 8
const WARNING_INTERVAL_MS = 60_000

/**
 * Whether a packet, which `keypair` would seal, carries or begins to carry a datagram of ours. An index tells: of data
 * the receiver's, since nobody else who sends to that peer has the same one. With two peers that are each at an inner
 * address of the other it is that of another session; a peer chooses that index, so the source port must be ours too,
 * or a peer could stop a datagram of somebody else. Of a handshake message it is the sender's, which is ours. A later
 * fragment is not recognized; sealed and back again it will be.
 */
export function isOwnDatagram(
  state: DeviceState,
  at: number,
  length: number,
  version: 4 | 6,
  keypair: Keypair | null,
): boolean {
  const { bytes } = state.options.arena
  const payload = version === 4 ? udpPayload4(bytes, at) : udpPayload6(bytes, at)
  if (payload < 0 || payload + 8 > at + length) return false
  const type = readIndex(bytes, payload)
  const index = readIndex(bytes, payload + 4)
  if (type === TRANSPORT_DATA && keypair !== null && index === (keypair.remoteIndex | 0)) return true
  const sourcePort = (bytes[payload - 8]! << 8) | bytes[payload - 7]!
  if (sourcePort !== state.boundPort) return false
  if (type === TRANSPORT_DATA) return state.remoteIndices.has(index)
  const isHandshake = type === HANDSHAKE_INITIATION || type === HANDSHAKE_RESPONSE
  return isHandshake && state.indices.get(index) !== undefined
}

/** Counts the packet at `at`, and says so once a minute. */
export function dropOwnDatagram(state: DeviceState, at: number, version: 4 | 6, now: number): void {
  state.stats.drops.routingLoop++
  if (now - state.lastLoopWarningAt < WARNING_INTERVAL_MS) return
  state.lastLoopWarningAt = now
  const [start, length] = version === 4 ? [at + IPV4_DESTINATION, 4] : [at + IPV6_DESTINATION, 16]
  const message =
    `a peer's endpoint ${formatIp(state.options.arena.bytes.slice(start, start + length))} is routed into the tunnel itself. ` +
    'Give it a route of its own, or set a firewall mark and route by it.'
  state.options.onEvent?.({ tag: 'log', level: 'error', message })
}

/** Where the payload of UDP starts; -1 when the packet has no UDP header. */
function udpPayload4(bytes: Uint8Array, at: number): number {
  const isLaterFragment = ((bytes[at + 6]! & 0x1f) | bytes[at + 7]!) !== 0
  if (bytes[at + 9] !== UDP || isLaterFragment) return -1
  const header = (bytes[at]! & 0x0f) * 4
  return header < IPV4_HEADER_BYTES ? -1 : at + header + UDP_HEADER_BYTES
}

function udpPayload6(bytes: Uint8Array, at: number): number {
  const next = bytes[at + 6]
  const upper = at + IPV6_HEADER_BYTES
  if (next === UDP) return upper + UDP_HEADER_BYTES
  const isLaterFragment = (bytes[upper + 2]! | (bytes[upper + 3]! & 0xf8)) !== 0
  if (next !== FRAGMENT || bytes[upper] !== UDP || isLaterFragment) return -1
  return upper + FRAGMENT_HEADER_BYTES + UDP_HEADER_BYTES
}
