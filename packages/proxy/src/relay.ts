/** Joins two connections: what comes from one goes to the other, until both have ended. */
import type { DialSocket } from './dialer.js'
import type { Context } from './context.js'

interface Counted {
  readonly bytesRead?: number
  readonly bytesWritten?: number
}

/** Both must allow to be half open. Neither is the caller's any more. */
export function relay(context: Context, client: DialSocket, remote: DialSocket): void {
  const { limits, stats } = context
  for (const [from, to] of [
    [client, remote],
    [remote, client],
  ] as const) {
    from.pipe(to)
    from.once('end', () => {
      // What is left of it may take its time, but not idle for ever.
      for (const socket of [from, to]) socket.setTimeout(limits.halfOpenMs)
    })
    from.once('timeout', () => {
      from.destroy()
      to.destroy()
    })
    // A reset, or whatever else ended it early, ends the other in the same way.
    from.once('error', () => reset(to))
    from.once('close', () => {
      if (!to.readableEnded) reset(to)
    })
  }
  remote.once('close', () => {
    const { bytesRead = 0, bytesWritten = 0 } = remote as Counted
    stats.sentBytes += bytesWritten
    stats.receivedBytes += bytesRead
  })
  // One may be gone already.
  if (client.destroyed) remote.destroy()
  if (remote.destroyed) client.destroy()
}

/** As the other side ended: with a reset, where that can be said. */
function reset(socket: DialSocket): void {
  // TLS has no word for it, and Node throws.
  if ('encrypted' in socket) socket.destroy()
  else socket.resetAndDestroy()
}
