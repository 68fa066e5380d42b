/** `wireweave watch`: looks again and again, until it is interrupted. */
import { setTimeout as sleep } from 'node:timers/promises'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { print } from '../terminal.js'
import { outputPalette } from './palette.js'
import { keysWanted, wipe } from './show.js'
import type { ShowFlags } from './show.js'
import { ChangeLines, jsonLines } from './watch-lines.js'
import { Sampler } from './watch-samples.js'
import type { Sample } from './watch-samples.js'
import { Screen } from './screen.js'
import { watchTable } from './watch-table.js'

export interface WatchFlags extends ShowFlags {
  /** Seconds. */
  readonly interval: number
  /** Samples; without end when absent. */
  readonly count?: number
}

/** Resolves when it was interrupted, or has shown as many samples as it should. */
export async function watch(only: string | null, flags: WatchFlags): Promise<void> {
  const sampler = new Sampler(only)
  const first = await sampler.take()
  const [alone] = first.interfaces
  if (only !== null && alone?.problem) throw new WireGuardError('NO_SUCH_INTERFACE', alone.problem)
  const stop = new AbortController()
  const onSignal = (): void => stop.abort()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  const view = chooseView(flags)
  try {
    for (let shown = 1, sample = first; ; shown++, sample = await sampler.take()) {
      // Shown until the next one comes: a terminal that changes its size asks for it again.
      const isSeen = view.show(sample)
      for (const { state } of sample.interfaces) if (state !== null) wipe(state)
      if (shown === flags.count || !isSeen) return
      await sleep(flags.interval * 1000, undefined, { signal: stop.signal })
    }
  } catch (error) {
    if (!stop.signal.aborted) throw error
  } finally {
    view.close()
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal)
  }
}

interface View {
  /** False when nobody looks any more. */
  show(sample: Sample): boolean
  close(): void
}

function chooseView(flags: WatchFlags): View {
  const append = (linesOf: (sample: Sample) => readonly string[]): View => ({
    show: (sample) =>
      print(
        linesOf(sample)
          .map((line) => `${line}\n`)
          .join(''),
      ),
    close: () => {},
  })
  if (flags.json === true) return append((sample) => jsonLines(sample, keysWanted(flags)))
  if (!process.stdout.isTTY) {
    const changes = new ChangeLines()
    return append((sample) => changes.next(sample))
  }
  const palette = outputPalette()
  let last: Sample | null = null
  const screen = new Screen((columns, rows) =>
    last === null ? [] : watchTable(last, { columns, rows, palette, intervalSeconds: flags.interval }),
  )
  return {
    show: (sample) => {
      last = sample
      screen.draw()
      return true
    },
    close: () => screen.close(),
  }
}
