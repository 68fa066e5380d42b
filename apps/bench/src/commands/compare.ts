/** `wireweave-bench compare`. */
import { readFileSync } from 'node:fs'
import { InvalidArgumentError } from 'commander'
import type { Command } from 'commander'

interface Options {
  readonly alpha: number
  readonly all?: boolean
  readonly json?: boolean
}

export function addCompareCommand(program: Command): void {
  program
    .command('compare <before> <after>')
    .description('what changed from one report (JSON) to another, beyond the noise')
    .option('--alpha <p>', 'how often a row that did not change may look changed', share, 0.05)
    .option('--all', 'rows that did not change too')
    .option('--json', 'every row as JSON')
    .action(async (before: string, after: string, options: Options) => {
      const { parseReport } = await import('../report/parse.js')
      const { changesText, circumstances, compareReports } = await import('../report/compare.js')
      const [old, fresh] = [before, after].map((file) => parseReport(readFileSync(file, 'utf8'), file))
      const changes = compareReports(old!, fresh!, options.alpha)
      if (changes.length === 0) throw new Error('the two reports have no row in common')
      const differing = circumstances(old!, fresh!)
      if (options.json) {
        process.stdout.write(`${JSON.stringify({ differing, alpha: options.alpha, changes }, null, 2)}\n`)
        return
      }
      for (const line of differing) process.stdout.write(`differs: ${line}\n`)
      process.stdout.write(`${changesText(changes, options.alpha, options.all ?? false)}\n`)
    })
}

function share(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError('a number between 0 and 1 is needed')
  return value
}
