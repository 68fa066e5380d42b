/** `wireweave up`: here, or in a process of its own that stays. */
import path from 'node:path'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { locateConf } from 'wireweave'
import { detachOutput, findStarter, startDetached } from '../background.js'
import type { Starter } from '../background.js'
import { logLevelOf } from '../log.js'
import { bringUp } from './up-process.js'
import type { Waiting } from './up-process.js'

export interface UpFlags {
  readonly adapter?: string
  readonly userspace?: boolean
  readonly foreground?: boolean
  readonly hooks: boolean
  readonly killSwitch?: boolean
  readonly user?: string
  readonly group?: string
  readonly json?: boolean
}

/** Ends this process: whatever still waits in it is meant to. */
export async function upCommand(source: string, flags: UpFlags, env: NodeJS.ProcessEnv = process.env): Promise<never> {
  const starter = findStarter(env)
  const { file } = locateConf(source)
  // Windows has services for what stays: "wireweave service".
  const isWindows = process.platform === 'win32'
  const isForeground = flags.foreground === true || env['WG_PROCESS_FOREGROUND'] === '1' || isWindows
  if (starter === null && !isForeground) process.exit(await inBackground(env))
  try {
    const waiting = starter === null ? null : backgroundOf(starter, env)
    await bringUp({ ...flags, config: path.resolve(file) }, waiting, env)
  } catch (error) {
    if (starter === null) throw error
    starter.failed(error instanceof Error ? error.message : 'unknown failure')
    process.exit(1)
  }
  process.exit(0)
}

/** Once it is ready a process in the background lets go of the terminal, unless a log is wanted, and of its folder. */
function backgroundOf(starter: Starter, env: NodeJS.ProcessEnv): Waiting {
  const keepsOutput = env['WIREWEAVE_KEEP_OUTPUT'] === '1'
  delete env['WIREWEAVE_KEEP_OUTPUT']
  return {
    onGone: (callback) => starter.onGone(callback),
    ready: () => {
      if (!keepsOutput) detachOutput()
      process.chdir('/')
      starter.ready()
    },
  }
}

/** Waits until the other process has set everything up, or has taken everything back. Resolves to the exit code. */
async function inBackground(env: NodeJS.ProcessEnv): Promise<number> {
  const abort = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => abort.abort())
  // It writes to our terminal until it is ready, then lets go of it, unless a log is wanted.
  const keepsOutput = Boolean(env['LOG_LEVEL']) && logLevelOf(env['LOG_LEVEL']) !== 'silent'
  const problem = await startDetached(process.argv.slice(2), {
    env: { ...env, ...(keepsOutput && { WIREWEAVE_KEEP_OUTPUT: '1' }) },
    output: 'inherit',
    signal: abort.signal,
  })
  if (problem === null) return 0
  throw new WireGuardError('SYSTEM', problem)
}
