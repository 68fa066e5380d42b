/** Reads a handshake from a socket and leaves what follows it. */
import type { Duplex } from 'node:stream'

/** Resolves to `length` bytes, at least 1. Rejects when the stream ends or fails before. */
export function readExactly(socket: Duplex, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const attempt = (): void => {
      const bytes = socket.read(length) as Buffer | null
      if (bytes !== null && bytes.length === length) done(() => resolve(bytes))
      else if (bytes !== null || socket.readableEnded || socket.destroyed) fail()
    }
    const fail = (): void => done(() => reject(new Error('the connection ended within a handshake')))
    const done = (settle: () => void): void => {
      socket.removeListener('readable', attempt)
      for (const event of ['end', 'close', 'error']) socket.removeListener(event, fail)
      settle()
    }
    socket.on('readable', attempt)
    for (const event of ['end', 'close', 'error']) socket.on(event, fail)
    attempt()
  })
}
