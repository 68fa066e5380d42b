/** What a proxy passes on of the headers of a message (RFC 9110 §7.6). */
import type { IncomingMessage } from 'node:http'

/** About this connection only, or for this proxy. `Host` is written anew. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
])

/**
 * Names and values in turn. The body is framed as it came: its length is passed on, and Node chunks it again when it had
 * none; it refuses messages that have both.
 */
export function forwardedHeaders(message: IncomingMessage): string[] {
  return endToEnd(message, () => false)
}

/** The same for an answer, which Node frames anew: a client of HTTP/1.0 does not know chunks. */
export function answerHeaders(message: IncomingMessage): string[] {
  return endToEnd(message, (name) => name === 'transfer-encoding')
}

function endToEnd(message: IncomingMessage, isLeftOut: (name: string) => boolean): string[] {
  const named = new Set<string>()
  for (const option of (message.headers.connection ?? '').split(',')) named.add(option.trim().toLowerCase())
  // RFC 9110 §7.6.1: what frames the body is no option, whoever says so.
  named.delete('content-length')
  named.delete('transfer-encoding')
  const kept: string[] = []
  const { rawHeaders } = message
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase()
    if (!HOP_BY_HOP.has(name) && !named.has(name) && !isLeftOut(name)) kept.push(rawHeaders[i]!, rawHeaders[i + 1]!)
  }
  // RFC 9110 §7.6.3.
  kept.push('Via', `${message.httpVersion} wireweave`)
  return kept
}
