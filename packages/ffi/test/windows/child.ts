/** Programs in a process of their own, which may crash or hang. */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Ending {
  /** `null` when it had to be ended. */
  readonly code: number | null
  readonly output: string
  readonly milliseconds: number
}

/** Runs `file`, relative to the caller's `url`. Output goes through a file: under Wine a pipe does not work. */
export async function runProgram(
  url: string,
  file: string,
  args: readonly string[],
  limitMs = 90_000,
  env: NodeJS.ProcessEnv = {},
): Promise<Ending> {
  const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-'))
  const log = path.join(folder, 'output.txt')
  const output = openSync(log, 'w')
  try {
    const started = performance.now()
    const program = fileURLToPath(new URL(file, url))
    const child = spawn(process.execPath, [program, ...args], {
      ...{ stdio: ['ignore', output, output], env: { ...process.env, ...env } },
    })
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      child.kill('SIGKILL')
    }, limitMs)
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('exit', resolve)
    })
    clearTimeout(timer)
    return { code: isLate ? null : code, output: readFileSync(log, 'utf8'), milliseconds: performance.now() - started }
  } finally {
    closeSync(output)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}
