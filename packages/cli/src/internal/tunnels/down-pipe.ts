/**
 * How `wireweave down` of Windows reaches the process that holds an interface: a pipe, since Windows has no signals. The request
 * is one line of JSON, the answer one for each action and a last one when everything is gone.
 */
import { connect } from 'node:net'
import type { Server, Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { isWireGuardError, WireGuardError } from '@wireweave/tunnel/errors'
import type { WireGuardErrorCode } from '@wireweave/tunnel/errors'
import { openProtectedPipe } from '../protected-pipe.js'

/** Names there are for administrators only: nobody else can pretend to hold an interface. */
const PREFIX = '\\\\.\\pipe\\ProtectedPrefix\\Administrators\\Wireweave\\'
const MOST_BYTES = 4096
/** A request is one line; who has not sent it by then does not want anything. */
const REQUEST_MS = 5000
/** Hooks may take their time. */
const SILENCE_MS = 120_000
const END_MS = 15_000
const LOOK_EVERY_MS = 20

export interface DownRequest {
  readonly hooks: boolean
}

type Answer =
  | { readonly action: string }
  | { readonly down: true }
  | { readonly code: WireGuardErrorCode; readonly message: string }

/** Of the process that holds the interface. */
export class DownPipe {
  /** The first request; never settles when none comes. */
  readonly asked: Promise<DownRequest>
  readonly #server: Server
  /** Who asked, the first and others meanwhile. */
  readonly #askers: Socket[] = []

  private constructor(server: Server) {
    this.#server = server
    this.asked = new Promise((resolve) => {
      server.on('connection', (socket) => void this.#serve(socket, resolve))
    })
    server.on('error', () => {})
  }

  /** Rejects with a `WireGuardError`. */
  static async open(interfaceName: string): Promise<DownPipe> {
    const { server } = await openProtectedPipe(PREFIX + interfaceName, interfaceName)
    return new DownPipe(server)
  }

  tell(action: string): void {
    this.#answer({ action })
  }

  /** Tells how it ended. Resolves when whoever asked has read that, or is gone. */
  async finish(problem: unknown): Promise<void> {
    this.#server.close()
    if (problem === null) this.#answer({ down: true })
    else if (isWireGuardError(problem)) this.#answer({ code: problem.code, message: problem.message })
    else this.#answer({ code: 'SYSTEM', message: problem instanceof Error ? problem.message : 'unknown failure' })
    const patience = sleep(REQUEST_MS, undefined, { ref: false })
    await Promise.race([patience, Promise.all(this.#askers.map(ended))])
  }

  async #serve(socket: Socket, resolve: (request: DownRequest) => void): Promise<void> {
    socket.on('error', () => {})
    socket.setTimeout(REQUEST_MS, () => socket.destroy())
    const request = await readRequest(socket)
    if (request === null) return void socket.destroy()
    socket.setTimeout(0)
    this.#askers.push(socket)
    resolve(request)
  }

  #answer(answer: Answer): void {
    for (const socket of this.#askers) if (!socket.destroyed) socket.write(`${JSON.stringify(answer)}\n`)
  }
}

function ended(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve()
    socket.once('close', () => resolve()).end(() => resolve())
  })
}

/** `null` for anything that is none. */
function readRequest(socket: Socket): Promise<DownRequest | null> {
  return new Promise((resolve) => {
    let text = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      const [line, rest] = text.split('\n', 2)
      if (rest !== undefined) resolve(parseRequest(line!))
      else if (text.length > MOST_BYTES) resolve(null)
    })
    socket.once('close', () => resolve(null))
  })
}

function parseRequest(line: string): DownRequest | null {
  try {
    const request = JSON.parse(line) as { readonly down?: { readonly hooks?: unknown } } | null
    const hooks = request?.down?.hooks
    return typeof hooks === 'boolean' ? { hooks } : null
  } catch {
    return null
  }
}

/**
 * Has the process that holds the interface end it, and waits until that process is gone. Resolves to false when there is none;
 * rejects with a `WireGuardError`: what it says when it fails, or that it may not be asked.
 */
export async function askDown(
  interfaceName: string,
  request: DownRequest,
  onAction: (line: string) => void,
): Promise<boolean> {
  const path = PREFIX + interfaceName
  const socket = await open(path, interfaceName)
  if (socket === null) return false
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  try {
    socket.write(`${JSON.stringify({ down: request })}\n`)
    await readAnswers(socket, interfaceName, onAction)
  } finally {
    socket.destroy()
    await closed
  }
  for (let waited = 0; waited < END_MS; waited += LOOK_EVERY_MS) {
    if (await isGone(path, interfaceName)) return true
    await sleep(LOOK_EVERY_MS)
  }
  throw new WireGuardError('SYSTEM', `${interfaceName} is down, but the process that held it is still ending`)
}

async function isGone(path: string, interfaceName: string): Promise<boolean> {
  try {
    const socket = await open(path, interfaceName)
    socket?.destroy()
    return socket === null
  } catch {
    // A pipe that is about to go.
    return false
  }
}

/** `null` when nobody listens. */
function open(path: string, interfaceName: string): Promise<Socket | null> {
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    socket.once('connect', () => resolve(socket.on('error', () => {})))
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return resolve(null)
      const isRefused = cause.code === 'EPERM' || cause.code === 'EACCES'
      const message = isRefused
        ? `not allowed to end ${interfaceName}. Run it in a terminal of the administrator.`
        : `the process that holds ${interfaceName} cannot be reached (${cause.code}). End it in the task manager.`
      reject(new WireGuardError(isRefused ? 'PERMISSION_DENIED' : 'SYSTEM', message, { cause }))
    })
  })
}

async function readAnswers(socket: Socket, interfaceName: string, onAction: (line: string) => void): Promise<void> {
  socket.setTimeout(SILENCE_MS, () => socket.destroy())
  for await (const line of createInterface({ input: socket })) {
    const answer = JSON.parse(line) as Answer
    if ('action' in answer) onAction(answer.action)
    else if ('message' in answer) throw new WireGuardError(answer.code, answer.message)
    else return
  }
  const remedy = 'Look whether it is still there, with "wireweave show interfaces", and end it in the task manager.'
  throw new WireGuardError('SYSTEM', `the process that holds ${interfaceName} ended without an answer. ${remedy}`)
}
