/** What happens in a tunnel, as lines of the log. */
import type { TunnelEvent } from '@wireweave/tunnel/events'
import { formatEndpoint } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { LogLimit } from './log.js'
import type { Log } from './log.js'

/** Writes events to `log`. Lines that others than the administrator cause are limited in number. */
export function eventLogger(log: Log, now?: () => number): (event: TunnelEvent) => void {
  // As the kernel's net_ratelimit.
  const strangers = new LogLimit(10, 5000, now)
  const peers = new LogLimit(500, 5000, now)
  // Apart from the others, so that a flood cannot hide an error, nor lines that the level leaves out count against one.
  const errors = new LogLimit(10, 5000, now)
  return (event) => {
    const message = describeEvent(event)
    if (event.tag === 'log' && event.level === 'error') errors.write(message, log.error)
    else if (FROM_ADMINISTRATOR.has(event.tag)) log.verbose(message)
    else (FROM_STRANGERS.has(event.tag) ? strangers : peers).write(message, log.verbose)
  }
}

/** `peer(bmXO…fgyo)`: enough of a public key to tell peers apart. */
export function peerName(publicKey: PublicKey): string {
  const key = formatKey(publicKey)
  return `peer(${key.slice(0, 4)}…${key.slice(39, 43)})`
}

const FROM_ADMINISTRATOR: ReadonlySet<TunnelEvent['tag']> = new Set([
  'peerAdded',
  'peerRemoved',
  'peerUpdated',
] as const)
const FROM_STRANGERS: ReadonlySet<TunnelEvent['tag']> = new Set(['cookieReplySent', 'log'] as const)

/** In the words of wireguard-go. */
export function describeEvent(event: TunnelEvent): string {
  switch (event.tag) {
    case 'handshakeInitiationSent':
      return `${peerName(event.peer)} - Sending handshake initiation`
    case 'handshakeInitiationReceived':
      return `${peerName(event.peer)} - Received handshake initiation`
    case 'handshakeResponseSent':
      return `${peerName(event.peer)} - Sending handshake response`
    case 'handshakeResponseReceived':
      return `${peerName(event.peer)} - Received handshake response`
    case 'keepaliveSent':
      return `${peerName(event.peer)} - Sending keepalive packet`
    case 'keepaliveReceived':
      return `${peerName(event.peer)} - Receiving keepalive packet`
    case 'cookieReplySent':
      return `Sending cookie response for denied handshake message for ${formatEndpoint(event.to)}`
    case 'cookieReplyReceived':
      return `${peerName(event.peer)} - Receiving cookie response`
    case 'sessionEstablished':
      return `${peerName(event.peer)} - Session established as ${event.role}`
    case 'handshakeRetry':
      return `${peerName(event.peer)} - Handshake did not complete after ${seconds(event.seconds)} seconds, retrying (try ${event.attempt})`
    case 'handshakeGaveUp':
      return `${peerName(event.peer)} - Handshake did not complete after ${event.attempts} attempts, giving up`
    case 'newHandshakeTimer':
      return `${peerName(event.peer)} - Retrying handshake because we stopped hearing back after ${seconds(event.seconds)} seconds`
    case 'keysZeroed':
      return `${peerName(event.peer)} - Removing all keys, since we haven't received a new one in ${seconds(event.seconds)} seconds`
    case 'roamed': {
      const from = event.from === null ? 'none' : formatEndpoint(event.from)
      return `${peerName(event.peer)} - Endpoint changed from ${from} to ${formatEndpoint(event.to)}`
    }
    case 'peerAdded':
      return `${peerName(event.peer)} - UAPI: Created`
    case 'peerRemoved':
      return `${peerName(event.peer)} - UAPI: Removing`
    case 'peerUpdated':
      return `${peerName(event.peer)} - UAPI: Updating`
    case 'log':
    default:
      return event.message
  }
}

function seconds(value: number): number {
  return Math.floor(value)
}
