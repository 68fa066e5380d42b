/** `wireweave-bench micro`. */
import { writeFileSync } from 'node:fs'
import { cpus, release, type } from 'node:os'
import type { Command } from 'commander'
import { list, positive } from './options.js'

interface Options {
  readonly filter?: readonly string[]
  readonly runtimes?: readonly string[]
  readonly rounds: number
  readonly roundMs: number
  readonly json?: string
}

export function addMicroCommand(program: Command): void {
  program
    .command('micro')
    .description('time the parts by themselves: engines, handshake, routing, replay window, offloads, UAPI')
    .option('--filter <texts>', 'only cases whose name contains one of these, separated by commas', list)
    .option('--runtimes <names>', 'node, bun, deno; the one that runs this when absent', list)
    .option('--rounds <n>', 'samples of each case', positive, 9)
    .option('--round-ms <n>', 'how long each sample takes at least', positive, 20)
    .option('--json <file>', 'write machine, versions and every sample; - for standard output instead of the table')
    .action(micro)
}

async function micro({ filter = [], runtimes, rounds, roundMs, json }: Options): Promise<void> {
  const { chooseCases, timeCases } = await import('../micro/timing.js')
  const { runIn, thisRuntime } = await import('../micro/runtimes.js')
  const { microTable } = await import('../micro/table.js')
  const chosen = chooseCases(filter)
  if (chosen.length === 0) throw new Error(`no case has ${filter.join(' or ')} in its name`)
  const here = thisRuntime()
  const runs = []
  for (const name of runtimes ?? [here.name]) {
    if (name === here.name)
      runs.push({ runtime: name, version: here.version, rows: timeCases(chosen, rounds, roundMs) })
    else {
      const filters = filter.length === 0 ? [] : ['--filter', filter.join(',')]
      runs.push(await runIn(name, ['--rounds', `${rounds}`, '--round-ms', `${roundMs}`, ...filters]))
    }
  }
  const machine = {
    cpu: cpus()[0]?.model ?? 'unknown processor',
    cores: cpus().length,
    system: `${type()} ${release()}`,
  }
  const report = { format: 'wireweave-bench-micro/1', date: new Date().toISOString(), machine, rounds, roundMs, runs }
  if (json !== undefined && json !== '-') writeFileSync(json, `${JSON.stringify(report)}\n`)
  if (json === '-') process.stdout.write(`${JSON.stringify(report)}\n`)
  else
    process.stdout.write(`${machine.cpu}, ${machine.system}; least (median) of ${rounds} rounds\n${microTable(runs)}\n`)
}
