/** The process that serves. */
import type { TunnelBackend } from '@wireweave/tunnel/backend'
import { runDaemon } from '../daemon.js'
import { compileEarly } from './compile-early.js'
import type { DaemonEnvironment } from './daemon-arguments.js'
import { forbidMemoryDumps } from './memory-dumps.js'
import { openKeyLog } from './key-log.js'
import type { KeyLog } from './key-log.js'

/** What a daemon is made of; tests put something else in its place. */
export interface DaemonParts {
  openBackend(environment: DaemonEnvironment, keyLog: KeyLog | null): Promise<TunnelBackend>
  /** `/var/run/wireguard` when absent. */
  readonly uapiFolder?: string
}

export async function serveInForeground(
  interfaceName: string,
  environment: DaemonEnvironment,
  parts: DaemonParts,
  onReady: () => void,
): Promise<void> {
  process.title = `wireweave-daemon ${interfaceName}`
  // Whatever this process creates is for root alone.
  process.umask(0o077)
  forbidMemoryDumps()
  const { keyLog: keyLogFile, logLevel, uapiFd } = environment
  const keyLog = keyLogFile === null ? null : openKeyLog(keyLogFile)
  try {
    await runDaemon({
      backend: await parts.openBackend(environment, keyLog),
      interfaceName,
      logLevel,
      ...(uapiFd === null ? {} : { uapiFd }),
      ...(parts.uapiFolder === undefined ? {} : { uapiFolder: parts.uapiFolder }),
      onReady: () => {
        onReady()
        compileEarly()
      },
      signal: endOfProcess(),
    })
  } finally {
    keyLog?.close()
  }
}

/** The first of these signals asks, the second insists. */
function endOfProcess(): AbortSignal {
  const end = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (end.signal.aborted) process.exit(1)
      end.abort()
    })
  }
  return end.signal
}
