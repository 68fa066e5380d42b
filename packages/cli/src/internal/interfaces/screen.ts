/** A terminal's second screen, drawn in place; the first comes back as it was, however the process ends. */
import { writeSync } from 'node:fs'

const ENTER = '\u001B[?1049h\u001B[?25l'
const LEAVE = '\u001B[?25h\u001B[?1049l'
const HOME = '\u001B[H'
const CLEAR_LINE = '\u001B[K'
const CLEAR_BELOW = '\u001B[J'

export class Screen {
  readonly #lines: (columns: number, rows: number) => readonly string[]
  readonly #draw = (): void => this.draw()
  readonly #leave = (): void => this.#write(LEAVE)
  readonly #suspend = (): void => {
    this.#leave()
    process.once('SIGCONT', this.#resume)
    process.kill(process.pid, 'SIGSTOP')
  }
  readonly #resume = (): void => {
    this.#write(ENTER)
    this.draw()
  }
  #isOpen = true

  /** `lines` makes what is to be seen, for a terminal of that size. */
  constructor(lines: (columns: number, rows: number) => readonly string[]) {
    this.#lines = lines
    this.#write(ENTER)
    process.on('exit', this.#leave)
    process.on('SIGTSTP', this.#suspend)
    process.stdout.on('resize', this.#draw)
  }

  draw(): void {
    // A terminal that does not know its size says 0.
    const columns = process.stdout.columns || 80
    const rows = process.stdout.rows || 24
    const lines = this.#lines(columns, rows).slice(0, rows)
    // Cleared before it is written: behind a line as wide as the terminal its last character would go.
    const below = lines.length < rows ? `\r\n${CLEAR_BELOW}` : ''
    this.#write(HOME + lines.map((line) => CLEAR_LINE + line).join('\r\n') + below)
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    process.off('exit', this.#leave)
    process.off('SIGTSTP', this.#suspend)
    process.off('SIGCONT', this.#resume)
    process.stdout.off('resize', this.#draw)
    this.#leave()
  }

  #write(text: string): void {
    const bytes = Buffer.from(text)
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(1, bytes, at)
    } catch {
      // The terminal is gone, or cannot keep up: the next picture comes.
    }
  }
}
