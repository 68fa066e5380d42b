/** A tunnel that is configured through its UAPI socket: what `wireweave-daemon` runs in the foreground. */
import type { TunnelBackend } from '@wireweave/tunnel/backend'
import { eventLogger } from './internal/event-log.js'
import { createLog } from './internal/log.js'
import type { LogLevel } from './internal/log.js'
import { UapiServer } from './internal/uapi-server.js'
import { openUapiSocket } from './internal/uapi-socket.js'

export type { LogLevel }

export interface DaemonOptions {
  readonly backend: TunnelBackend
  readonly interfaceName: string
  readonly logLevel: LogLevel
  /** Takes whole lines; standard output when absent. */
  readonly writeLog?: (line: string) => void
  /** A bound UAPI socket that was passed to this process. */
  readonly uapiFd?: number
  /** Where the socket goes: `/var/run/wireguard` when absent, which is where `wg` looks. */
  readonly uapiFolder?: string
  /** Told once the interface exists and the socket accepts. */
  readonly onReady?: () => void
  /** Ends the daemon. */
  readonly signal: AbortSignal
}

/**
 * Serves until the signal fires, the interface is deleted or the socket is removed, and leaves nothing behind.
 * Rejects when it cannot start, or when a fault ended the tunnel.
 */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const { backend, logLevel, writeLog, signal } = options
  let log = createLog(logLevel, options.interfaceName, writeLog)
  let report = eventLogger(log)
  const tunnel = await backend.open({ name: options.interfaceName, onEvent: (event) => report(event) })
  try {
    // The system may have chosen the name.
    const interfaceName = tunnel.interfaceRef?.name ?? options.interfaceName
    log = createLog(logLevel, interfaceName, writeLog)
    report = eventLogger(log)
    log.verbose(`Device started over ${tunnel.backend}`)
    const socket = await openUapiSocket({ ...options, interfaceName })
    const server = new UapiServer(socket.server, { tunnel, log })
    process.once('exit', socket.unlink)
    try {
      log.verbose('UAPI listener started')
      options.onReady?.()
      const reason = await Promise.race([
        aborted(signal),
        tunnel.closed.then(() => 'the interface is gone'),
        socket.removed.then(() => 'the UAPI socket was removed'),
      ])
      log.verbose(`Shutting down: ${tunnel.failure?.message ?? reason}`)
      if (tunnel.failure) throw tunnel.failure
    } finally {
      process.off('exit', socket.unlink)
      server.close()
      socket.close()
    }
  } finally {
    await tunnel.close()
    log.verbose('Device closed')
  }
}

function aborted(signal: AbortSignal): Promise<string> {
  const reason = 'asked to'
  if (signal.aborted) return Promise.resolve(reason)
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(reason), { once: true }))
}
