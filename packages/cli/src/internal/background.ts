/** Going to the background: the same program again, detached, which tells when it is ready. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, writeSync } from 'node:fs'
import type { Readable } from 'node:stream'
import type { DaemonEnvironment } from './daemon-arguments.js'

const READY = 'ready\n'
/** Longest message of a child that could not start. */
const MAX_MESSAGE_BYTES = 65_536

// Where the child finds what it inherits; 3 and 4 as in wireguard-go.
const TUN_FD = 3
const UAPI_FD = 4
const READY_FD = 5

/**
 * Starts this program again in a session of its own. Resolves to `null` once the child's interface exists and its
 * socket accepts, and to why it does not, otherwise.
 *
 * The child opens everything itself: a parent that handed over an interface and a socket that nobody serves yet could
 * not tell whether the child will ever serve them.
 */
export async function startInBackground(interfaceName: string, environment: DaemonEnvironment): Promise<string | null> {
  const { logWanted, tunFd, uapiFd } = environment
  const output = logWanted ? 'inherit' : 'ignore'
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, '--foreground', interfaceName], {
    detached: true,
    stdio: ['ignore', output, output, tunFd ?? 'ignore', uapiFd ?? 'ignore', 'pipe'],
    env: {
      ...process.env,
      WG_PROCESS_FOREGROUND: '1',
      ...(tunFd === null ? {} : { WG_TUN_FD: String(TUN_FD) }),
      ...(uapiFd === null ? {} : { WG_UAPI_FD: String(UAPI_FD) }),
      WIREWEAVE_READY_FD: String(READY_FD),
    },
  })
  const exit = once(child, 'exit').catch((error: Error) => [`could not be started: ${error.message}`])
  const message = await readAll((child.stdio as unknown as Readable[])[READY_FD]!)
  if (message === READY) {
    child.unref()
    return null
  }
  const [code, signal] = (await exit) as [number | string | null, string | null]
  return message || `The background process ended with ${signal ?? code} before it was ready.`
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
  failed(message: string): void
}

/** `null` when nobody waits: then this process was started in the foreground. Forgets the descriptor in `env`. */
export function findStarter(env: NodeJS.ProcessEnv): Starter | null {
  if (env['WIREWEAVE_READY_FD'] !== String(READY_FD)) return null
  delete env['WIREWEAVE_READY_FD']
  const tell = (message: string): void => {
    try {
      writeSync(READY_FD, message)
      closeSync(READY_FD)
    } catch {
      // Whoever started us did not wait.
    }
  }
  return { ready: () => tell(READY), failed: tell }
}
