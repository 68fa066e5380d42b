/** Going to the background: the same program again, detached, which tells when it is ready. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { bind } from '@wireweave/ffi/library'
import type { DaemonEnvironment } from './daemon-arguments.js'

const READY = 'ready\n'
/** Longest message of a child that could not start. */
const MAX_MESSAGE_BYTES = 65_536

// Where the child finds what it inherits; 3 and 4 as in wireguard-go.
const TUN_FD = 3
const UAPI_FD = 4
const READY_FD = 5

/**
 * Starts the daemon again in a session of its own. Resolves to `null` once the child's interface exists and its socket
 * accepts, and to why it does not, otherwise.
 *
 * The child opens everything itself: a parent that handed over an interface and a socket that nobody serves yet could
 * not tell whether the child will ever serve them.
 */
export function startInBackground(interfaceName: string, environment: DaemonEnvironment): Promise<string | null> {
  const { logWanted, tunFd, uapiFd } = environment
  const env = {
    ...process.env,
    WG_PROCESS_FOREGROUND: '1',
    ...(tunFd === null ? {} : { WG_TUN_FD: String(TUN_FD) }),
    ...(uapiFd === null ? {} : { WG_UAPI_FD: String(UAPI_FD) }),
  }
  const output = logWanted ? 'inherit' : 'ignore'
  return startDetached(['--foreground', interfaceName], { env, output, tunFd, uapiFd })
}

export interface DetachedOptions {
  readonly env: NodeJS.ProcessEnv
  /** Whether the child writes where this process does. */
  readonly output: 'inherit' | 'ignore'
  readonly tunFd?: number | null
  readonly uapiFd?: number | null
  /** Asks a child that is not ready yet to end. */
  readonly signal?: AbortSignal
}

/** This program again with other arguments. Resolves to `null` when it is ready, else to what it said or how it ended. */
export async function startDetached(args: readonly string[], options: DetachedOptions): Promise<string | null> {
  const { env, output, tunFd, uapiFd, signal } = options
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...args], {
    detached: true,
    stdio: ['ignore', output, output, tunFd ?? 'ignore', uapiFd ?? 'ignore', 'pipe'],
    env: { ...env, WIREWEAVE_READY_FD: String(READY_FD) },
  })
  const end = (): void => void child.kill('SIGTERM')
  signal?.addEventListener('abort', end)
  const exit = once(child, 'exit').catch((error: Error) => [`could not be started: ${error.message}`])
  const message = await readAll((child.stdio as unknown as Readable[])[READY_FD]!)
  signal?.removeEventListener('abort', end)
  if (message === READY) {
    child.unref()
    return null
  }
  const [code, killedBy] = (await exit) as [number | string | null, string | null]
  return message || `The background process ended with ${killedBy ?? code} before it was ready.`
}

async function readAll(stream: Readable): Promise<string> {
  let text = ''
  stream.setEncoding('utf8')
  try {
    for await (const chunk of stream) if (text.length < MAX_MESSAGE_BYTES) text += chunk as string
  } catch {
    // The child died; what it said before counts.
  }
  return text
}

/** The child's end. */
export interface Starter {
  ready(): void
  /** After {@link ready} it goes to standard error. */
  failed(message: string): void
  /** Calls back when whoever waits ends before it was told anything. */
  onGone(callback: () => void): void
}

/** `null` when nobody waits: then this process was started in the foreground. Forgets the descriptor in `env`. */
export function findStarter(env: NodeJS.ProcessEnv): Starter | null {
  if (env['WIREWEAVE_READY_FD'] !== String(READY_FD)) return null
  delete env['WIREWEAVE_READY_FD']
  let watch: Socket | null = null
  let hasTold = false
  const tell = (message: string): void => {
    // The descriptor may be somebody else's by now.
    if (hasTold) return
    hasTold = true
    try {
      writeSync(READY_FD, message)
      watch?.removeAllListeners('close')
      if (watch === null) closeSync(READY_FD)
      else watch.destroy()
    } catch {
      // Whoever started us did not wait.
    }
  }
  return {
    ready: () => tell(READY),
    failed: (message) => {
      if (hasTold) process.stderr.write(`${message}\n`)
      else tell(message)
    },
    onGone: (callback) => {
      // What Node calls a pipe to a child is a pair of sockets: it can be read, and ends with the other side.
      watch = new Socket({ fd: READY_FD }).on('error', () => {}).on('close', callback)
      watch.resume().unref()
    },
  }
}

/** Lets go of the terminal, or of whoever reads our output and waits for its end. */
export function detachOutput(): void {
  const { dup2 } = bind(null, { dup2: ['dup2', 'int', ['int', 'int']] })
  const nowhere = openSync('/dev/null', 'r+')
  for (const fd of [1, 2]) dup2(nowhere, fd)
  closeSync(nowhere)
}
