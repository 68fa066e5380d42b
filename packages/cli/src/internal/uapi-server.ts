/** Answers UAPI requests about one tunnel on a listening socket. */
import type { Server, Socket } from 'node:net'
import { UapiReader, encodeErrno, encodeGetAnswer, uapiErrno } from '@wireweave/config/uapi'
import type { UapiRequest } from '@wireweave/config/uapi'
import type { Tunnel } from '@wireweave/tunnel/backend'
import type { DeviceSecrets, DeviceUpdate } from '@wireweave/tunnel/config'
import type { Log } from './log.js'
import { zoneIndex } from './zone-index.js'

export interface UapiServerOptions {
  readonly tunnel: Tunnel
  readonly log: Log
  /** Connections at one time; more are closed at once. 64 when absent. */
  readonly maxConnections?: number
  /** Milliseconds without a byte in either direction after which a connection is closed; 60 000 when absent. */
  readonly idleMs?: number
}

/** Serves every connection of `server`, which was made with `allowHalfOpen`. */
export class UapiServer {
  readonly #tunnel: Tunnel
  readonly #log: Log
  readonly #idleMs: number
  readonly #connections = new Set<Socket>()
  /** One request at a time: a snapshot and its secrets must be of the same peers. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(server: Server, options: UapiServerOptions) {
    this.#tunnel = options.tunnel
    this.#log = options.log
    this.#idleMs = options.idleMs ?? 60_000
    server.maxConnections = options.maxConnections ?? 64
    server.on('connection', (socket) => void this.#serve(socket))
    // One connection could not be accepted: the tunnel and the next connection go on.
    server.on('error', (error) => this.#log.error(`UAPI: ${messageOf(error)}`))
  }

  /** Ends every connection. The listening socket is its owner's to close. */
  close(): void {
    for (const socket of this.#connections) socket.destroy()
  }

  async #serve(socket: Socket): Promise<void> {
    this.#connections.add(socket)
    socket.setTimeout(this.#idleMs, () => socket.destroy())
    // A client that goes away while we write is no news; the loop below ends with the same error.
    socket.on('error', () => {})
    socket.on('close', () => this.#connections.delete(socket))
    const reader = new UapiReader({ zoneIndex })
    try {
      for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        for (const request of reader.read(chunk)) await send(socket, await this.#answer(request))
        chunk.fill(0)
      }
      for (const request of reader.end()) await send(socket, await this.#answer(request))
      socket.end()
    } catch (error) {
      if (!socket.destroyed) this.#log.error(`UAPI: ${messageOf(error)}`)
      socket.destroy()
    }
  }

  async #answer(request: UapiRequest): Promise<Uint8Array> {
    const operation = request.tag === 'rejected' ? request.operation : request.tag
    try {
      if (request.tag === 'rejected') throw request.error
      return await this.#inTurn(() => (request.tag === 'get' ? this.#get() : this.#set(request.update)))
    } catch (error) {
      this.#log.error(`UAPI: ${messageOf(error)}`)
      return encodeErrno(operation, uapiErrno(error))
    }
  }

  async #get(): Promise<Uint8Array> {
    const snapshot = await this.#tunnel.snapshot()
    const secrets = await this.#tunnel.secrets()
    try {
      return encodeGetAnswer(snapshot, secrets)
    } finally {
      wipe(secrets)
    }
  }

  async #set(update: DeviceUpdate): Promise<Uint8Array> {
    try {
      await this.#tunnel.apply(update)
    } finally {
      wipeUpdate(update)
    }
    if (update.privateKey !== undefined) this.#log.verbose('UAPI: Updating private key')
    if (update.listenPort !== undefined) this.#log.verbose('UAPI: Updating listen port')
    if (update.fwmark !== undefined) this.#log.verbose('UAPI: Updating fwmark')
    if (update.replacePeers) this.#log.verbose('UAPI: Removing all peers')
    return encodeErrno('set', 0)
  }

  #inTurn<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(step)
    this.#turn = result.catch(() => {})
    return result
  }
}

/** Resolves when the bytes have left this process, and wipes them: an answer may hold keys. */
function send(socket: Socket, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(bytes, (error) => {
      bytes.fill(0)
      if (error) reject(error)
      else resolve()
    })
  })
}

function wipe(secrets: DeviceSecrets): void {
  secrets.privateKey?.fill(0)
  for (const key of secrets.presharedKeys) key?.fill(0)
}

function wipeUpdate(update: DeviceUpdate): void {
  update.privateKey?.fill(0)
  for (const peer of update.peers ?? []) peer.presharedKey?.fill(0)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown failure'
}
