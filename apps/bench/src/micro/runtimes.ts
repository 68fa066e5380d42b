/** JavaScript runtimes that can run the cases. */
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { whereIs } from '../contestants/processes.js'
import { command } from '../run/command.js'
import type { MicroRun } from './timing.js'

const RUNTIMES: Readonly<Record<string, { readonly flags: readonly string[]; readonly remedy: string }>> = {
  node: { flags: [], remedy: 'https://nodejs.org' },
  bun: { flags: [], remedy: 'https://bun.sh, or node scripts/portable.mjs, which fetches one' },
  deno: {
    flags: ['run', '-A', '--no-prompt', '--no-remote', '--no-lock', '--node-modules-dir=manual'],
    remedy: 'https://deno.com, or node scripts/portable.mjs, which fetches one',
  },
}

/** The one that runs this. */
export function thisRuntime(): { readonly name: string; readonly version: string } {
  const versions = process.versions as Readonly<Record<string, string | undefined>>
  const name = ['bun', 'deno'].find((each) => versions[each] !== undefined) ?? 'node'
  return { name, version: versions[name]! }
}

/** Runs `micro` in another runtime. Rejects with how to get it when it is not here. */
export async function runIn(name: string, args: readonly string[]): Promise<MicroRun> {
  const runtime = RUNTIMES[name]
  if (runtime === undefined)
    throw new Error(`no runtime is called ${name}; there are ${Object.keys(RUNTIMES).join(', ')}`)
  const program = name === 'node' ? (whereIs('node') ?? process.execPath) : (whereIs(name) ?? cached(name))
  if (program === null) throw new Error(`${name} is not here: ${runtime.remedy}`)
  const self = fileURLToPath(new URL('../bin/wireweave-bench.js', import.meta.url))
  const { stdout } = await command(program, [...runtime.flags, self, 'micro', '--json', '-', ...args], { seconds: 600 })
  return (JSON.parse(stdout) as { runs: MicroRun[] }).runs[0]!
}

/** Where scripts/portable.mjs puts those it fetches. */
function cached(name: string): string | null {
  const cache = path.join(process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache'), 'wireweave')
  const folder = existsSync(cache) ? readdirSync(cache).find((each) => each.startsWith(`${name}-`)) : undefined
  if (folder === undefined) return null
  const scope = path.join(cache, folder, 'node_modules', name === 'bun' ? '@oven' : '@deno')
  const programs = existsSync(scope)
    ? readdirSync(scope).flatMap((each) => [path.join(scope, each, 'bin', name), path.join(scope, each, name)])
    : []
  return programs.find((file) => existsSync(file)) ?? null
}
