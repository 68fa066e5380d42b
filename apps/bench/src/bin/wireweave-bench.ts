#!/usr/bin/env node
/** `wireweave-bench run`: the same traffic over our device and its rivals, in alternating order. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import path from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { markdownBody, markdownDocument } from '../report.js'
import type { Report } from '../report.js'
import { contestants as known } from '../tunnel/contestant.js'
import type { Contestant } from '../tunnel/contestant.js'
import { metrics as allMetrics } from '../tunnel/measure.js'
import { race } from '../tunnel/race.js'

interface RunOptions {
  readonly contestants: readonly string[]
  readonly only?: readonly string[]
  readonly rounds: number
  readonly seconds: number
  readonly handshakes: number
  readonly json?: string
  readonly markdown?: string
}

const program = new Command('wireweave-bench').description('What each WireGuard data path of this machine costs.')

program
  .command('run')
  .description('race data paths between two network namespaces (root, iperf3, wg)')
  .option('--contestants <names>', 'comma-separated, ours first', list, ['wireweave', 'wireguard-go', 'boringtun'])
  .option('--only <texts>', 'only metrics whose name contains one of these, separated by semicolons', texts)
  .option('--rounds <n>', 'samples of each contestant for each metric', positive, 5)
  .option('--seconds <n>', 'how long each sample sends', positive, 3)
  .option('--handshakes <n>', 'keys for the rate of handshakes; 0 leaves it out', whole, 2000)
  .option('--json <file>', 'write machine, versions and every sample')
  .option('--markdown <file>', 'write the same as a document')
  .action(run)

await program.parseAsync().catch((error: unknown) => {
  console.error(`wireweave-bench: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
})

async function run(options: RunOptions): Promise<void> {
  if (process.getuid?.() !== 0) throw new Error('network namespaces and TUN interfaces need root; run it with sudo')
  const abort = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => abort.abort(new Error('interrupted; everything is removed')))
  const present: Contestant[] = []
  const versions: Record<string, string> = {}
  for (const name of options.contestants) {
    const contestant = known.find((candidate) => candidate.name === name)
    if (contestant === undefined)
      throw new Error(`no contestant is called ${name}; there are ${known.map((each) => each.name).join(', ')}`)
    const found = await contestant.find()
    if ('missing' in found) console.error(`${name}: not here; ${found.missing}`)
    else {
      present.push(contestant)
      versions[name] = found.version
    }
  }
  if (present.length === 0) throw new Error('nothing to measure')
  const { only } = options
  const metrics = allMetrics.filter((metric) => only?.some((text) => metric.name.includes(text)) ?? true)
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
  }
  const rows = await race({ ...options, contestants: present, metrics, onProgress: progress, signal: abort.signal })
  progress('')
  const report: Report = { date: new Date().toISOString(), machine, node: process.version, versions, ...options, rows }
  if (options.json !== undefined) write(options.json, `${JSON.stringify(report, null, 2)}\n`)
  if (options.markdown !== undefined) write(options.markdown, markdownDocument(report))
  console.log(markdownBody(report))
}

function write(file: string, text: string): void {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true })
  writeFileSync(file, text)
}

/** One line that is written over, on a terminal; a line per minute would be noise elsewhere. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`)
}

function texts(text: string): string[] {
  return text.split(';')
}

function list(text: string): string[] {
  return text.split(',')
}

function whole(text: string): number {
  const value = Number(text)
  if (!(value >= 0 && Number.isInteger(value))) throw new InvalidArgumentError('a whole number is needed')
  return value
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0 && Number.isInteger(value))) throw new InvalidArgumentError('a whole number above 0 is needed')
  return value
}
