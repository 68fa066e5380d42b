/** Commands that end by themselves, within a time. */
import { spawn } from 'node:child_process'

/** Under emulation everything takes about twenty times as long, the start of a program longest. */
const patience = process.env['KERNEL_VM'] === undefined ? 1 : 4

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CommandOptions {
  /** Standard input; empty when absent. */
  readonly input?: string | Uint8Array
  readonly env?: NodeJS.ProcessEnv
  /** After this many the command is killed; 120 when absent. */
  readonly seconds?: number
}

/** Runs `file`, whatever its exit code. Rejects when it cannot be started or takes too long. */
export function attempt(file: string, args: readonly string[], options: CommandOptions = {}): Promise<Finished> {
  const { input = '', env = process.env, seconds = 120 } = options
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'pipe'] })
    const late = setTimeout(
      () => {
        child.kill('SIGKILL')
        reject(new Error(`took more than ${seconds * patience} s: ${line(file, args)}`))
      },
      seconds * patience * 1000,
    )
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    child.stdin.on('error', () => {})
    child.stdin.end(input)
    child.once('error', (error) => {
      clearTimeout(late)
      reject(error)
    })
    child.once('close', (code) => {
      clearTimeout(late)
      resolve({ code, stdout, stderr })
    })
  })
}

/** Runs `file` and returns its standard output; rejects, with everything it said, when it fails. */
export async function command(file: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await attempt(file, args, options)
  if (code === 0) return stdout
  throw new Error(`exit code ${code}: ${line(file, args)}\n${stdout}${stderr}`)
}

function line(file: string, args: readonly string[]): string {
  return [file, ...args].join(' ')
}

/** Polls until `condition` holds. */
export async function eventually(
  what: string,
  condition: () => Promise<boolean> | boolean,
  seconds = 60,
): Promise<void> {
  const end = performance.now() + seconds * patience * 1000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`did not happen within ${seconds * patience} s: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
