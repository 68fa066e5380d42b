/** Named pipes of Windows that only SYSTEM and administrators can open. */
import { randomBytes } from 'node:crypto'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { protectPipe } from '@wireweave/ffi/win32/pipe-security'
import type { Protection } from '@wireweave/ffi/win32/pipe-security'
import { WireGuardError } from '@wireweave/tunnel/errors'

/** How long our own connection may take. */
const OWN_MS = 5000

export interface ProtectedPipe {
  readonly server: Server
  readonly protection: Protection
}

/**
 * Listens on `path`, which nobody else may have. Node.js can make a pipe only with rights that are too many: it takes them
 * away at once, and sends away whoever came before. Rejects with a `WireGuardError`, leaving nothing.
 */
export async function openProtectedPipe(
  path: string,
  interfaceName: string,
  protect: (path: string) => Protection | number = protectPipe,
): Promise<ProtectedPipe> {
  const server = createServer({ allowHalfOpen: true })
  const early = new Early(server)
  try {
    await listen(server, path, interfaceName)
    const protection = protect(path)
    if (typeof protection === 'number') {
      const message = `the pipe of ${interfaceName} cannot be closed to others (Windows error ${protection})`
      throw new WireGuardError('SYSTEM', `${message}. Run as administrator.`, { errno: String(protection) })
    }
    await early.sendAway(path)
    return { server, protection }
  } catch (error) {
    server.close()
    throw error
  } finally {
    early.close()
  }
}

/**
 * Connections that were made before the pipe was protected. They come in the order in which they were made: once one of our own
 * has come that was made afterwards, all of them have.
 */
class Early {
  readonly #server: Server
  readonly #sockets: Socket[] = []
  readonly #word = randomBytes(16)
  #onWord: () => void = () => {}

  constructor(server: Server) {
    this.#server = server
    server.on('connection', this.#meet)
  }

  async sendAway(path: string): Promise<void> {
    const own = connect(path)
    try {
      await new Promise<void>((resolve, reject) => {
        this.#onWord = resolve
        own.once('error', reject).write(this.#word)
        own.setTimeout(OWN_MS, () => reject(new Error('it does not lead to this process')))
      })
    } catch (cause) {
      throw new WireGuardError('SYSTEM', `${path} does not work: ${(cause as Error).message}`, { cause })
    } finally {
      own.destroy()
    }
  }

  close(): void {
    this.#server.off('connection', this.#meet)
    for (const socket of this.#sockets) socket.destroy()
  }

  readonly #meet = (socket: Socket): void => {
    this.#sockets.push(socket)
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      if (chunk.equals(this.#word)) this.#onWord()
    })
  }
}

function listen(server: Server, path: string, interfaceName: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const isTaken = cause.code === 'EADDRINUSE'
      const message = isTaken
        ? `another process serves ${interfaceName}`
        : `the pipe of ${interfaceName} cannot be made (${cause.code}). Run as administrator.`
      reject(new WireGuardError(isTaken ? 'NAME_IN_USE' : 'PERMISSION_DENIED', message, { cause }))
    })
    server.listen(path, resolve)
  })
}
