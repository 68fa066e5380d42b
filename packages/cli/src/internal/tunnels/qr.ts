/** QR codes of half blocks: a character is two modules high, so that a code of a configuration fits 80 columns. */
import qrcode from 'qrcode-generator'
import { WireGuardError } from '@wireweave/tunnel/errors'

/** Modules of white around it: the standard wants four, phones are content with two. */
const QUIET = 2

/** Throws a `WireGuardError` when the text does not fit a code, or the code the terminal. */
export function renderQr(text: string, columns: number): string {
  // Of `createData`, because the library takes a character for a byte.
  const bytes = Buffer.from(text, 'utf8').toString('latin1')
  const code = make(bytes)
  const modules = code.getModuleCount()
  const size = modules + 2 * QUIET
  if (size > columns) {
    throw new WireGuardError(
      'LIMIT',
      `the code is ${size} columns wide, the terminal ${columns}. Widen it, or copy the file.`,
    )
  }
  const isDark = (row: number, column: number): boolean => {
    const [y, x] = [row - QUIET, column - QUIET]
    return y >= 0 && x >= 0 && y < modules && x < modules && code.isDark(y, x)
  }
  let out = ''
  for (let row = 0; row < size; row += 2) {
    let line = ''
    for (let column = 0; column < size; column++) {
      const top = isDark(row, column)
      const bottom = row + 1 >= size || isDark(row + 1, column)
      line += top ? (bottom ? ' ' : '▄') : bottom ? '▀' : '█'
    }
    out += `${LIGHT}${line}${RESET}\n`
  }
  return out
}

/** White on black whatever the terminal's colours are: a code in the wrong colours cannot be read by every camera. */
const LIGHT = '\u001B[97;40m'
const RESET = '\u001B[0m'

function make(bytes: string): ReturnType<typeof qrcode> {
  try {
    const code = qrcode(0, 'L')
    code.addData(bytes, 'Byte')
    code.make()
    return code
  } catch (cause) {
    throw new WireGuardError('LIMIT', 'the file is too long for a code. Copy it instead.', { cause })
  }
}
