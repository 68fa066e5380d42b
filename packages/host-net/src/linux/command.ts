/** Other programs: found on the path, bounded in time and output, ended when the caller gives up. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { accessSync, constants, existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { WireGuardError } from '@wireweave/tunnel/errors'

const SECONDS = 60
const MOST_OUTPUT = 4096
const KILL_AFTER_MS = 3000
/** Where programs of the administrator are, also when the path does not say so. */
const SYSTEM_DIRECTORIES = ['/usr/sbin', '/sbin', '/usr/local/sbin', '/usr/bin', '/bin']

/** Absolute path of a program; `null` when there is none. */
export function findProgram(name: string): string | null {
  const directories = (process.env['PATH'] ?? '').split(':').filter((directory) => path.isAbsolute(directory))
  for (const directory of [...directories, ...SYSTEM_DIRECTORIES]) {
    const file = path.join(directory, name)
    try {
      accessSync(file, constants.X_OK)
      if (statSync(file).isFile()) return file
    } catch {
      // Look on.
    }
  }
  return null
}

export interface CommandOptions {
  readonly input?: string
  readonly signal?: AbortSignal | undefined
}

/** What the program printed. Rejects with a `WireGuardError` that holds what it complained about. */
export function runCommand(program: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  let output = ''
  let complaints = ''
  child.stdout.on('data', (data: Buffer) => (output += data.toString()))
  child.stderr.on('data', (data: Buffer) => {
    if (complaints.length < MOST_OUTPUT) complaints += data.toString()
  })
  // A program that does not read its input is no failure of ours.
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const name = path.basename(program)
  return ended(child, `${name} ${args.join(' ')}`, options.signal, SECONDS, () => complaints.trim()).then(() => output)
}

/** A user's command line, in a shell as `wg-quick` uses one, on our terminal. Its own time limit is the user's affair. */
export function runHook(command: string, signal: AbortSignal | undefined): Promise<void> {
  const shell = existsSync('/bin/bash') ? '/bin/bash' : '/bin/sh'
  const child = spawn(shell, ['-c', command], { stdio: ['ignore', 'inherit', 'inherit'], detached: true })
  return ended(child, command, signal, null, () => '')
}

/** Each program leads a process group of its own, so that what it started ends with it. */
function ended(
  child: ChildProcess,
  what: string,
  signal: AbortSignal | undefined,
  seconds: number | null,
  complaints: () => string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let why = ''
    let killTimer: NodeJS.Timeout | null = null
    const stop = (reason: string): void => {
      if (why !== '') return
      why = reason
      killGroup(child, 'SIGTERM')
      killTimer = setTimeout(() => killGroup(child, 'SIGKILL'), KILL_AFTER_MS)
    }
    const onAbort = (): void => stop('it was aborted')
    const limit = seconds === null ? null : setTimeout(() => stop(`it took more than ${seconds} s`), seconds * 1000)
    const settle = (error: WireGuardError | null): void => {
      if (limit !== null) clearTimeout(limit)
      if (killTimer !== null) clearTimeout(killTimer)
      signal?.removeEventListener('abort', onAbort)
      if (error === null) resolve()
      else reject(error)
    }
    signal?.addEventListener('abort', onAbort)
    if (signal?.aborted) onAbort()
    child.on('error', (cause) =>
      settle(new WireGuardError('SYSTEM', `"${what}" cannot be run: ${cause.message}`, { cause })),
    )
    child.on('close', (code, killedBy) => {
      if (code === 0 && why === '') return settle(null)
      const reason =
        why || complaints() || (killedBy === null ? `it ended with status ${code}` : `it was ended by ${killedBy}`)
      settle(new WireGuardError(why === 'it was aborted' ? 'ABORTED' : 'SYSTEM', `"${what}" failed: ${reason}`))
    })
  })
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, signal)
  } catch {
    // It has ended.
  }
}
