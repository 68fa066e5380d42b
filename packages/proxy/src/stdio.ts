/** `-W` of ssh: standard input and output are the connection. */
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Dialer, Target } from './dialer.js'
import { once } from 'node:events'

/** Resolves when both directions have ended. Rejects with an error with a `code`. */
export async function connectStdio(
  dialer: Dialer,
  target: Target,
  input: Readable,
  output: Writable,
  signal?: AbortSignal,
): Promise<void> {
  const remote = dialer.connect({ ...target, allowHalfOpen: true, keepAlive: true, ...(signal && { signal }) })
  await once(remote, 'connect')
  await Promise.all([pipeline(input, remote), pipeline(remote, output)])
}
