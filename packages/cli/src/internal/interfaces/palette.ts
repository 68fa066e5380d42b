/** The escape sequences of `wg`, and magenta for what is ours; empty where no colours are wanted. */
import { wantsColour } from '../terminal.js'

export interface Palette {
  readonly reset: string
  readonly bold: string
  readonly red: string
  readonly green: string
  readonly yellow: string
  /** Unlike yellow and cyan it can be read on white, too. */
  readonly magenta: string
  readonly cyan: string
}

export const NO_COLOURS: Palette = { reset: '', bold: '', red: '', green: '', yellow: '', magenta: '', cyan: '' }

export const COLOURS: Palette = {
  reset: '\u001B[0m',
  bold: '\u001B[1m',
  red: '\u001B[31m',
  green: '\u001B[32m',
  yellow: '\u001B[33m',
  magenta: '\u001B[35m',
  cyan: '\u001B[36m',
}

/** For standard output. */
export function outputPalette(env: NodeJS.ProcessEnv = process.env): Palette {
  return wantsColour(1, env) ? COLOURS : NO_COLOURS
}
