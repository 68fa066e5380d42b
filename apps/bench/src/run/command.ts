/** Child processes with a bound on their time, whose output becomes part of the error when they fail. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

export interface Finished {
  readonly stdout: string
  readonly stderr: string
}

/** Runs to the end; rejects with what it printed when it fails or takes longer than `seconds`. */
export async function command(
  file: string,
  args: readonly string[],
  options: { seconds?: number; input?: string | Uint8Array; env?: NodeJS.ProcessEnv } = {},
): Promise<Finished> {
  const { seconds = 20, input } = options
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], env: options.env ?? process.env })
  const collected = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (collected.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (collected.stderr += text))
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000)
  const code = await exitOf(child).finally(() => clearTimeout(timer))
  if (code === 0) return collected
  const how = code === null ? `was ended after ${seconds} s` : `exited with ${code}`
  throw new Error(`${file} ${args.join(' ')} ${how}: ${(collected.stderr || collected.stdout).trim().slice(-600)}`)
}

/** Resolves with the exit code, `null` when a signal ended it; rejects when the program could not be started. */
export function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code))
  })
}

export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** Asks again until it is so; rejects with `what` after `seconds`. */
export async function until(what: string, seconds: number, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + seconds * 1000
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`)
    await sleep(20)
  }
}
