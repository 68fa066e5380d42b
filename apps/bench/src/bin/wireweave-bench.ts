#!/usr/bin/env node
/** `wireweave-bench`: which adapter to use on this machine, and what it costs. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addCompareCommand } from '../commands/compare.js'
import { addMicroCommand } from '../commands/micro.js'
import { addRunCommand } from '../commands/run.js'
import { addServeCommand } from '../commands/serve.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}
const program = new Command('wireweave-bench')
  .description('What each WireGuard data path of this machine costs.')
  .version(version, '-V, --version', 'print the version')
addRunCommand(program)
addMicroCommand(program)
addCompareCommand(program)
addServeCommand(program)

await program.parseAsync().catch((error: unknown) => {
  process.stderr.write(`wireweave-bench: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode ||= 1
})
