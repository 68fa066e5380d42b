import { afterEach, expect, test } from 'vitest'
import { ProcessSignals } from '../../src/internal/tunnels/process-signals.js'

afterEach(() => {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGBREAK', 'SIGHUP'] as const) process.removeAllListeners(name)
})

test.each(['SIGINT', 'SIGTERM', 'SIGBREAK', 'SIGHUP'] as const)(
  '%s asks for the end: Ctrl-C, a signal from Node.js, Ctrl-Break, a console that is closed',
  async (name) => {
    const signals = new ProcessSignals()
    let reloads = 0
    signals.onReload(async () => void reloads++)
    process.emit(name, name)
    await signals.whenEnded()
    expect(reloads).toBe(0)
  },
)
