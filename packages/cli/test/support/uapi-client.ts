import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

export async function dial(path: string): Promise<Socket> {
  const socket = connect({ path, allowHalfOpen: true })
  await once(socket, 'connect')
  // What goes wrong later, the reader finds out.
  socket.on('error', () => {})
  return socket
}

/** Everything the other side says until it closes; what it says when the connection breaks is lost. */
export async function readToEnd(socket: Socket): Promise<string> {
  let text = ''
  try {
    for await (const chunk of socket) text += String(chunk)
  } catch {
    // Reset.
  }
  return text
}

/** Sends `text` and the end of it, and returns the answer. */
export async function ask(path: string, text: string): Promise<string> {
  const socket = await dial(path)
  socket.end(text)
  return await readToEnd(socket)
}
