import type { TunnelEvent } from '@wireweave/tunnel/events'
import { parseEndpoint } from '@wireweave/tunnel/ip'
import { decodeKey } from '@wireweave/tunnel/keys'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { describe, expect, test } from 'vitest'
import { eventLogger, peerName } from '../src/internal/event-log.js'
import { createLog } from '../src/internal/log.js'

const peer = decodeKey<PublicKey>('bmXOC+F1FxEMF9dyiK2H5/1SUtzH0JuVo51h2wPfgyo=')!
const to = parseEndpoint('[2001:db8::1]:51820')!
const from = parseEndpoint('192.0.2.1:7')!

/** The messages that `events` leave in a log, without level, name and time. */
function messagesOf(events: readonly TunnelEvent[], now?: () => number): string[] {
  const lines: string[] = []
  const report = eventLogger(
    createLog('verbose', 'wg0', (line) => lines.push(line)),
    now,
  )
  for (const event of events) report(event)
  return lines.map((line) => line.slice('DEBUG: (wg0) 2026/01/31 23:59:59 '.length, -1))
}

describe('an event', () => {
  test('names its peer by the ends of its key', () => {
    expect(peerName(peer)).toBe('peer(bmXO…fgyo)')
  })

  // These are wireguard-go's own words: people search for them.
  test.each<[TunnelEvent, string]>([
    [{ tag: 'handshakeInitiationSent', peer }, 'peer(bmXO…fgyo) - Sending handshake initiation'],
    [{ tag: 'handshakeInitiationReceived', peer }, 'peer(bmXO…fgyo) - Received handshake initiation'],
    [{ tag: 'handshakeResponseSent', peer }, 'peer(bmXO…fgyo) - Sending handshake response'],
    [{ tag: 'handshakeResponseReceived', peer }, 'peer(bmXO…fgyo) - Received handshake response'],
    [{ tag: 'keepaliveSent', peer }, 'peer(bmXO…fgyo) - Sending keepalive packet'],
    [{ tag: 'keepaliveReceived', peer }, 'peer(bmXO…fgyo) - Receiving keepalive packet'],
    [{ tag: 'cookieReplySent', to }, 'Sending cookie response for denied handshake message for [2001:db8::1]:51820'],
    [{ tag: 'cookieReplyReceived', peer }, 'peer(bmXO…fgyo) - Receiving cookie response'],
    [
      { tag: 'handshakeRetry', peer, attempt: 2, seconds: 5.3 },
      'peer(bmXO…fgyo) - Handshake did not complete after 5 seconds, retrying (try 2)',
    ],
    [
      { tag: 'handshakeGaveUp', peer, attempts: 20 },
      'peer(bmXO…fgyo) - Handshake did not complete after 20 attempts, giving up',
    ],
    [
      { tag: 'newHandshakeTimer', peer, seconds: 15 },
      'peer(bmXO…fgyo) - Retrying handshake because we stopped hearing back after 15 seconds',
    ],
    [
      { tag: 'keysZeroed', peer, seconds: 540 },
      "peer(bmXO…fgyo) - Removing all keys, since we haven't received a new one in 540 seconds",
    ],
    [{ tag: 'peerAdded', peer }, 'peer(bmXO…fgyo) - UAPI: Created'],
    [{ tag: 'peerRemoved', peer }, 'peer(bmXO…fgyo) - UAPI: Removing'],
    [{ tag: 'log', level: 'verbose', message: 'UDP bind has been updated' }, 'UDP bind has been updated'],
  ])('%o is in the log as %s', (event, message) => {
    expect(messagesOf([event])).toEqual([message])
  })

  test('that wireguard-go has no words for is in the log all the same', () => {
    expect(
      messagesOf([
        { tag: 'sessionEstablished', peer, role: 'responder' },
        { tag: 'roamed', peer, from, to },
        { tag: 'roamed', peer, from: null, to },
        { tag: 'peerUpdated', peer },
      ]),
    ).toEqual([
      'peer(bmXO…fgyo) - Session established as responder',
      'peer(bmXO…fgyo) - Endpoint changed from 192.0.2.1:7 to [2001:db8::1]:51820',
      'peer(bmXO…fgyo) - Endpoint changed from none to [2001:db8::1]:51820',
      'peer(bmXO…fgyo) - UAPI: Updating',
    ])
  })

  test('that a stranger can cause is written ten times in five seconds', () => {
    let now = 0
    const flood: TunnelEvent[] = Array.from({ length: 1000 }, () => ({ tag: 'cookieReplySent', to: from }))
    expect(messagesOf(flood, () => now)).toHaveLength(10)
    const spread = messagesOf(flood, () => (now += 5))
    expect(spread).toHaveLength(10)
    expect(messagesOf(flood, () => (now += 500)).length).toBeGreaterThan(990)
  })

  test('that is an error is in the log however many lines strangers cause', () => {
    const error: TunnelEvent = { tag: 'log', level: 'error', message: 'the UDP socket failed' }
    const flood: TunnelEvent[] = Array.from({ length: 1000 }, () => ({ tag: 'cookieReplySent', to: from }))
    expect(messagesOf([...flood, error], () => 0)).toContain(error.message)
    expect(
      messagesOf(
        Array.from({ length: 1000 }, () => error),
        () => 0,
      ),
    ).toHaveLength(10)
  })

  test('that a peer can cause is limited, and one that the administrator causes is not', () => {
    const many = (event: TunnelEvent): number =>
      messagesOf(
        Array.from({ length: 1000 }, () => event),
        () => 0,
      ).length
    expect(many({ tag: 'roamed', peer, from, to })).toBe(500)
    expect(many({ tag: 'peerAdded', peer })).toBe(1000)
  })
})
