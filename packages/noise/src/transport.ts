/** Transport data messages (§5.4.6), sealed and opened in the memory of an engine. Nothing here allocates or throws. */
import { type BatchSealer, TAG_BYTES, type TransportEngine } from '@wireweave/crypto/suite'
import { PADDING_MULTIPLE_BYTES } from './constants.js'
import { DROP_BAD_TAG, DROP_EXPIRED_KEYPAIR } from './drop.js'
import type { Keypair } from './keypair.js'
import {
  readCounterHigh,
  readCounterLow,
  TRANSPORT_HEADER_BYTES,
  TRANSPORT_OVERHEAD_BYTES,
  writeTransportHeader,
} from './messages.js'

/**
 * The length of a packet after padding: a multiple of 16, but never beyond the MTU, so that padding makes no datagram
 * too long for its path. A packet longer than the MTU, a large one yet to be cut, is padded like its last piece.
 * An `mtu` of 0 means there is none.
 */
export function paddedLength(length: number, mtu: number): number {
  if (mtu === 0) return alignUp(length)
  const last = length > mtu ? length % mtu : length
  return length - last + Math.min(alignUp(last), mtu)
}

/**
 * Seals the packet of `length` bytes at `source`, grown with zeros to `padded` bytes, into a message at `destination`.
 * The message's length comes back, or a drop code when the keypair may not send any more.
 *
 * Writes the zeros behind the packet, where up to 15 bytes must be free. `source` is `destination` + 16 to work in
 * place; otherwise message and packet must not overlap. With a batch's sealer all of this holds once it has settled.
 */
export function sealTransport(
  engine: TransportEngine | BatchSealer,
  keypair: Keypair,
  source: number,
  length: number,
  padded: number,
  destination: number,
  now: number,
): number {
  if (!keypair.canSend(now)) return DROP_EXPIRED_KEYPAIR
  // Taken before use and never given back: no path can seal twice with one counter.
  const counter = keypair.sendCounter++
  const counterLow = counter >>> 0
  const counterHigh = Math.floor(counter / 2 ** 32)
  const bytes = engine.bytes
  for (let i = source + length; i < source + padded; i++) bytes[i] = 0
  engine.seal(keypair.sendKey, counterLow, counterHigh, source, padded, destination + TRANSPORT_HEADER_BYTES)
  writeTransportHeader(bytes, destination, keypair.remoteIndex, counterLow, counterHigh)
  return TRANSPORT_HEADER_BYTES + padded + TAG_BYTES
}

/**
 * Opens the transport message of `length` bytes at `offset` in place: the packet, with its padding, begins at
 * `offset` + 16. Its length comes back, 0 for a keepalive, or a drop code.
 *
 * {@link classify} has found the message to be transport data. Only success changes the keypair; the caller then
 * confirms it ({@link Keypairs.confirm}).
 */
export function openTransport(
  engine: TransportEngine,
  keypair: Keypair,
  offset: number,
  length: number,
  now: number,
): number {
  if (!keypair.canReceive(now)) return DROP_EXPIRED_KEYPAIR
  const bytes = engine.bytes
  const counterLow = readCounterLow(bytes, offset)
  const counterHigh = readCounterHigh(bytes, offset)
  const refused = keypair.replay.check(counterLow, counterHigh)
  if (refused < 0) return refused
  const sealed = offset + TRANSPORT_HEADER_BYTES
  const sealedLength = length - TRANSPORT_HEADER_BYTES
  if (!engine.open(keypair.receiveKey, counterLow, counterHigh, sealed, sealedLength, sealed)) return DROP_BAD_TAG
  keypair.replay.accept(counterLow, counterHigh)
  return length - TRANSPORT_OVERHEAD_BYTES
}

function alignUp(length: number): number {
  return (length + PADDING_MULTIPLE_BYTES - 1) & -PADDING_MULTIPLE_BYTES
}
