/** A finished race, and its text for people. */
import { markdownTable } from './table.js'
import type { Row } from './tunnel/race.js'

export interface Report {
  /** ISO 8601. */
  readonly date: string
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly memoryBytes: number
    readonly kernel: string
  }
  readonly node: string
  /** What each contestant says of itself, by name; ours first. */
  readonly versions: Readonly<Record<string, string>>
  readonly rounds: number
  readonly seconds: number
  readonly rows: readonly Row[]
}

export function markdownBody({ machine, node, versions, rounds, seconds, rows }: Report): string {
  const names = Object.keys(versions)
  return [
    `${machine.cpu}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${node}`,
    ...names.map((name) => `- ${name}: ${versions[name]}`),
    '',
    `Medians of ${rounds} alternating rounds of ${seconds} s (smallest–largest); ratios round by round.`,
    '',
    markdownTable(rows, names),
  ].join('\n')
}

export function markdownDocument(report: Report): string {
  return `# Benchmarks

Two network namespaces on one machine, a veth pair between them, a tunnel of each contestant over it, all up at the same
time and measured in turns. Traffic is iperf3's and ping's; CPU and memory are those of the tunnel's processes on both
sides. The machine is shared: read the ratios, not the absolute figures.

Written by \`npm run perf -- --rounds ${report.rounds} --seconds ${report.seconds} --markdown docs/benchmarks.md\` on
${report.date.slice(0, 10)}.

${markdownBody(report)}
`
}
