/** Whose rights the program finds that it has. */
import { run } from './run.js'

export function isElevated(): boolean {
  return run.now.isPlainUser !== true
}
