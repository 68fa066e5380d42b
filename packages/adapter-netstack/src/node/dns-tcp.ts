/** DNS over TCP (RFC 1035 §4.2.2, RFC 7766): a message after two bytes with its length. */
import { addAbortSignal } from 'node:stream'
import { parseIp } from '@wireweave/tunnel/ip'
import type { Packet } from 'dns-packet'
import type { Host } from '../host.js'
import { lookupError } from './errors.js'
import { TunnelSocket } from './socket.js'

export async function exchangeTcp(
  host: Host,
  server: string,
  query: Uint8Array,
  accept: (message: Uint8Array) => Packet | null,
  signal: AbortSignal,
): Promise<Packet> {
  const socket = new TunnelSocket(host)
  addAbortSignal(signal, socket)
  const connection = host.stack.connect({ remote: parseIp(server)!, remotePort: 53, handler: NOBODY }, host.now())
  if (typeof connection === 'string') throw lookupError(connection, server)
  socket.attach(connection, false)
  const frame = Buffer.allocUnsafe(2 + query.length)
  frame.writeUInt16BE(query.length)
  frame.set(query, 2)
  socket.write(frame)
  let received = Buffer.alloc(0)
  for await (const part of socket as AsyncIterable<Buffer>) {
    received = Buffer.concat([received, part])
    if (received.length < 2 || received.length < 2 + received.readUInt16BE()) continue
    const reply = accept(received.subarray(2, 2 + received.readUInt16BE()))
    if (reply !== null) return reply
    break
  }
  throw lookupError('EAI_AGAIN', server)
}

/** Until the socket takes over, in the same turn. */
const NOBODY = {
  onConnect: (): void => {},
  onReadable: (): void => {},
  onWritable: (): void => {},
  onEnd: (): void => {},
  onClose: (): void => {},
}
