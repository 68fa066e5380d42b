/** What a tunnel tells while it works. Facts about authenticated peers and about the tunnel itself; never a key that is secret. */
import type { Endpoint } from './ip.js'
import type { PublicKey } from './keys.js'

export type TunnelEvent =
  | { readonly tag: 'handshakeInitiationSent' | 'handshakeInitiationReceived'; readonly peer: PublicKey }
  | { readonly tag: 'handshakeResponseSent' | 'handshakeResponseReceived'; readonly peer: PublicKey }
  | { readonly tag: 'keepaliveSent' | 'keepaliveReceived'; readonly peer: PublicKey }
  | { readonly tag: 'cookieReplySent'; readonly to: Endpoint }
  | { readonly tag: 'cookieReplyReceived'; readonly peer: PublicKey }
  /** The session is confirmed in both directions: data may flow. */
  | { readonly tag: 'sessionEstablished'; readonly peer: PublicKey; readonly role: 'initiator' | 'responder' }
  /** No handshake for too long; `seconds` since the last packet or try that led to it. */
  | { readonly tag: 'handshakeRetry'; readonly peer: PublicKey; readonly attempt: number; readonly seconds: number }
  | { readonly tag: 'handshakeGaveUp'; readonly peer: PublicKey; readonly attempts: number }
  | { readonly tag: 'newHandshakeTimer'; readonly peer: PublicKey; readonly seconds: number }
  | { readonly tag: 'keysZeroed'; readonly peer: PublicKey; readonly seconds: number }
  | { readonly tag: 'roamed'; readonly peer: PublicKey; readonly from: Endpoint | null; readonly to: Endpoint }
  | { readonly tag: 'peerAdded' | 'peerRemoved' | 'peerUpdated'; readonly peer: PublicKey }
  | { readonly tag: 'log'; readonly level: 'verbose' | 'error'; readonly message: string }
