/** Connecting, within a time, and as long as there is somebody to connect for. */
import { connect as connectHost } from 'node:net'
import type { Context } from './context.js'
import type { DialOptions, DialSocket, Target } from './dialer.js'

export interface DialFailure extends Error {
  readonly code?: string
}

const KEEP_ALIVE_MS = 60_000

/** Resolves to a connected socket. Rejects with a {@link DialFailure}; `client` ending first is one. */
export function dial(context: Context, target: Target, client: DialSocket): Promise<DialSocket> {
  return settle(context, context.dialer.connect(optionsFor(context, target)), client)
}

/** The same, to where this machine leads. */
export function dialHost(context: Context, target: Target, client: DialSocket): Promise<DialSocket> {
  return settle(context, connectHost(optionsFor(context, target)), client)
}

function optionsFor({ family }: Context, { host, port }: Target): DialOptions {
  const tcp = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }
  return { host, port, family, ...tcp }
}

function settle({ limits, stats }: Context, socket: DialSocket, client: DialSocket): Promise<DialSocket> {
  return new Promise((resolve, reject) => {
    const fail = (error: DialFailure): void => {
      clearTimeout(timer)
      client.removeListener('close', onGone)
      stats.failed++
      socket.destroy()
      reject(error)
    }
    const onGone = (): void => fail(failure('ECONNABORTED', 'the client has gone'))
    const timer = setTimeout(() => fail(failure('ETIMEDOUT', 'no answer in time')), limits.connectMs)
    // It stays, so that a late error is nobody's exception.
    socket.on('error', fail)
    client.once('close', onGone)
    socket.once('connect', () => {
      clearTimeout(timer)
      client.removeListener('close', onGone)
      socket.removeListener('error', fail)
      socket.on('error', () => {})
      resolve(socket)
    })
    if (client.destroyed) onGone()
  })
}

function failure(code: string, message: string): DialFailure {
  return Object.assign(new Error(message), { code })
}
