/** Something that gets bytes from anyone and must not care. */
import type { Random } from '../random.js'

export interface FuzzTarget {
  readonly name: string
  /** What a round of cases shares. Draws from nothing but `random`. */
  begin(random: Random): FuzzRound
}

export interface FuzzRound {
  /** One case; throws when something happened that must not. */
  step(): void
  /** What must still work after all cases. */
  finish(): void
}

/** Something happened that must not: the message says what, and with which input. */
export class FuzzFailure extends Error {
  constructor(message: string, input?: Uint8Array | string) {
    const shown = typeof input === 'string' ? JSON.stringify(input) : input && Buffer.from(input).toString('hex')
    super(shown === undefined ? message : `${message}\ninput: ${shown}`)
    this.name = 'FuzzFailure'
  }
}

/** Runs `action` and names its input if it throws. */
export function mustNotThrow<T>(input: Uint8Array | string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (error instanceof FuzzFailure) throw error
    throw new FuzzFailure(`threw ${error instanceof Error ? error.stack : String(error)}`, input)
  }
}
