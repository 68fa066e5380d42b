/** `wireweave-bench run`. */
import { accessSync, constants, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Command } from 'commander'
import type { Dlls } from '../contestants/contestant.js'
import { list, positive, whole } from './options.js'

interface Options {
  readonly adapters?: readonly string[]
  readonly rivals?: readonly string[]
  readonly metrics?: readonly string[]
  readonly seconds?: number
  readonly repeat?: number
  readonly within?: number
  readonly keys?: number
  readonly quick?: boolean
  readonly generator: string
  readonly tag?: string
  readonly json?: string
  readonly html?: string
  readonly markdown?: string
}

/** `dlls`: where the libraries of Windows' adapters are, when not where they are looked for. */
export function addRunCommand(program: Command, dlls: Dlls = {}): void {
  program
    .command('run')
    .description('measure data paths of this machine in turns; as root on Linux')
    .option(
      '--adapters <names>',
      'ours: linux-tun, linux-wg, netstack; on Windows wgnt, wintun, netstack; none; all when absent',
      list,
    )
    .option('--rivals <names>', 'others: wireguard-go, openvpn-chacha20, veth …, none; all when absent', list)
    .option(
      '--metrics <ids>',
      'measurements: tcp-1, tcp-4, tcp-16, tcp-reverse, tcp-both, udp …; all when absent',
      list,
    )
    .option('--seconds <n>', 'how long each sample sends; 3 when absent', positive)
    .option('--repeat <n>', 'samples of each contestant for each metric; 5 when absent', positive)
    .option('--within <seconds>', 'begin nothing after which the measuring would end later', positive)
    .option('--keys <n>', 'keys for the rate of handshakes, 0 to leave it out; 2000 when absent', whole)
    .option('--quick', 'one second, two rounds, few metrics: does it work, and about how fast')
    .option('--generator <name>', 'what makes traffic: iperf3, own, or auto for the first that is here', 'auto')
    .option('--tag <text>', 'what the names of namespaces and interfaces begin with')
    .option('--json <file>', 'write machine, versions and every sample')
    .option('--html <file>', 'write a page with charts that needs nothing else')
    .option('--markdown <file>', 'write a document, or what lies between its marks')
    .action(async (options: Options) => {
      const { runBench } = await import('../run/bench.js')
      const files = [options.json, options.html, options.markdown].filter((file) => file !== undefined)
      // Before minutes are spent on what could not be kept.
      for (const file of files) requireWritable(path.resolve(file))
      const report = await runBench({
        adapters: options.adapters ?? null,
        rivals: options.rivals ?? null,
        metrics: options.metrics ?? null,
        seconds: options.seconds ?? (options.quick ? 1 : 3),
        repeat: options.repeat ?? (options.quick ? 2 : 5),
        within: options.within ?? Number.POSITIVE_INFINITY,
        keys: options.keys ?? (options.quick ? 0 : 2000),
        quick: options.quick ?? false,
        generator: options.generator,
        tag: options.tag ?? null,
        command: commandLine(),
        out: process.stderr,
        signal: interruption(),
        dlls,
      })
      const { markdown, markdownDocument } = await import('../report/markdown.js')
      process.stdout.write(`${markdown(report)}\n`)
      if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report)}\n`)
      if (options.html !== undefined) {
        const { page } = await import('../report/page.js')
        writeFileSync(options.html, page(report))
      }
      if (options.markdown !== undefined) {
        const file = options.markdown
        writeFileSync(file, markdownDocument(report, existsSync(file) ? readFileSync(file, 'utf8') : null))
      }
      if (files.length > 0) process.stderr.write(`wrote ${files.join(', ')}\n`)
      if (report.results.every(({ samples }) => samples.length === 0)) throw new Error('every measurement failed')
    })
}

/** Makes its folder; throws when it could not be written. */
function requireWritable(file: string): void {
  const folder = path.dirname(file)
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true })
  if (!existsSync(file)) return accessSync(folder, constants.W_OK)
  if (statSync(file).isDirectory()) throw new Error(`${file} is a folder; name a file in it`)
  accessSync(file, constants.W_OK)
}

/** Aborted by the first Ctrl-C or SIGTERM; the second ends the process at once. */
function interruption(): AbortSignal {
  const abort = new AbortController()
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)
    process.once(signal, () => {
      process.exitCode = code
      abort.abort(new Error('interrupted; everything is removed'))
    })
  return abort.signal
}

/** What to type for the same again: npm's scripts put their presets in front, so the whole line does not depend on them. */
function commandLine(): string {
  return ['wireweave-bench', ...process.argv.slice(2)].join(' ')
}
