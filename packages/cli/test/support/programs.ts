/** Programs of this package as child processes, built from the sources at hand. */
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess, SpawnOptions } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { build } from 'tsup'

const root = fileURLToPath(new URL('../..', import.meta.url))
// Beside src and dist, because programs look for package.json two folders up.
const output = `${root}build/test`

/** Bundles `entries` (names to paths in this package) once for a test file. */
export async function buildPrograms(entries: Record<string, string>): Promise<void> {
  await build({
    entry: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, `${root}${file}`])),
    outDir: output,
    format: 'esm',
    target: 'node20',
    noExternal: [/^@wireweave\//, /^wireweave$/],
    external: ['commander', 'koffi', 'wireweave'],
    esbuildOptions: (options) => {
      options.conditions = ['@wireweave/source']
    },
    config: false,
    silent: true,
  })
}

export function programPath(name: string): string {
  return `${output}/${name}.js`
}

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. */
export function runProgram(
  name: string,
  args: readonly string[],
  input = '',
  env: NodeJS.ProcessEnv = process.env,
): Promise<Finished> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [programPath(name), ...args],
      { env, timeout: 100_000 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, stdout, stderr })
      },
    )
    child.stdin!.on('error', () => {})
    child.stdin!.end(input)
  })
}

export function startProgram(name: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn(process.execPath, [programPath(name), ...args], options)
}
