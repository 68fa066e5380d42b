/** Carries plans out, and takes them back: in reverse, when a step fails or the caller gives up. */
import { isWireGuardError, WireGuardError } from '@wireweave/tunnel/errors'
import { describeAction } from './action.js'
import type { HostAction, HostStep } from './action.js'

/** Whatever can carry actions out. */
export interface Host {
  /**
   * False when there was nothing to do, so that nothing has to be taken back. Taking away what is gone is no error. When
   * `signal` fires the action ends early and throws.
   */
  perform(action: HostAction, signal?: AbortSignal): boolean | Promise<boolean>
  /** A line of text for messages; `describeAction` where absent. */
  describe?(action: HostAction): string
}

export interface RunOptions {
  readonly signal?: AbortSignal
  /** Called before each action, undoing included. */
  readonly onAction?: (action: HostAction, direction: 'do' | 'undo') => void
}

/** What was done and can be taken back. */
export interface Done {
  /** In reverse. Goes on when one fails; rejects then, at the end, with what is left. Idempotent. */
  undo(): Promise<void>
}

/** Lets timers and signals in now and then: many actions never wait. */
const ACTIONS_PER_TURN = 64

/** All steps or none: when one fails, or `signal` fires, those before are taken back and the `WireGuardError` says why. */
export async function runPlan(steps: readonly HostStep[], host: Host, options: RunOptions = {}): Promise<Done> {
  const undos: HostAction[] = []
  const done: Done = { undo: () => undoAll(undos.splice(0).reverse(), host, options) }
  try {
    for (const [i, step] of steps.entries()) {
      if (i % ACTIONS_PER_TURN === ACTIONS_PER_TURN - 1) await turn()
      throwIfAborted(options.signal)
      options.onAction?.(step.do, 'do')
      // A program that fails may have done half of its work.
      const mayBePartial = step.do.tag === 'command'
      if (mayBePartial && step.undo !== null) undos.push(step.undo)
      const changed = await host.perform(step.do, options.signal)
      if (!mayBePartial && changed && step.undo !== null) undos.push(step.undo)
    }
    throwIfAborted(options.signal)
    return done
  } catch (error) {
    const failure = options.signal?.aborted ? aborted(options.signal) : asWireGuardError(error)
    try {
      await done.undo()
    } catch (left) {
      throw new WireGuardError(failure.code, `${failure.message}\n${messageOf(left)}`, { cause: failure })
    }
    throw failure
  }
}

/** Every action, whether or not others fail; rejects at the end with what is left. */
export async function undoAll(actions: readonly HostAction[], host: Host, options: RunOptions = {}): Promise<void> {
  const failures: string[] = []
  let first: unknown = null
  for (const action of actions) {
    try {
      options.onAction?.(action, 'undo')
      await host.perform(action)
    } catch (error) {
      first ??= error
      const what = host.describe?.(action) ?? describeAction(action)
      failures.push(`left behind, because "${what}" failed: ${messageOf(error)}`)
    }
  }
  if (failures.length > 0) throw new WireGuardError('SYSTEM', failures.join('\n'), { cause: first })
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw aborted(signal)
}

function aborted(signal: AbortSignal): WireGuardError {
  return new WireGuardError('ABORTED', 'it was aborted; everything done so far was undone', { cause: signal.reason })
}

function asWireGuardError(error: unknown): WireGuardError {
  return isWireGuardError(error) ? error : new WireGuardError('SYSTEM', messageOf(error), { cause: error })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
