/** Raw clients: what is sent is what the test says. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { readExactly } from '../src/read-exactly.js'

export async function open(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  await once(socket, 'connect')
  return socket
}

/** Everything until the other side ends. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = []
  // Not `for await`, which destroys what it has read to the end.
  socket.on('data', (part) => parts.push(part))
  if (!socket.readableEnded) await Promise.race([once(socket, 'end'), once(socket, 'close')])
  return Buffer.concat(parts)
}

export async function listen(onConnection: (socket: Socket) => unknown): Promise<Server & { readonly port: number }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    onConnection(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(server, { port: (server.address() as AddressInfo).port })
}

/** Greeting and request of SOCKS; resolves to the reply's code, with the reply read off the socket. */
export async function socksConnect(socket: Socket, host: string, port: number, command = 1): Promise<number> {
  const greeting = Buffer.of(5, 1, 0)
  const name = Buffer.from(host)
  const request = Buffer.concat([Buffer.of(5, command, 0, 3, name.length), name, Buffer.of(port >> 8, port & 255)])
  socket.write(Buffer.concat([greeting, request]))
  await readExactly(socket, 2)
  const reply = await readExactly(socket, 4)
  await readExactly(socket, (reply[3] === 4 ? 16 : 4) + 2)
  return reply[1]!
}

/** A stretch of bytes that shows whether any is missing or out of place. */
export function pattern(bytes: number): Buffer {
  const data = Buffer.alloc(bytes)
  for (let i = 0; i + 4 <= bytes; i += 4) data.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i)
  return data
}
