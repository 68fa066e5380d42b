/** Builds ASCII lines in a buffer that leaves no copy behind: texts with keys are written here and not into strings. */
export class ByteWriter {
  #bytes: Uint8Array = new Uint8Array(4096)
  #length = 0

  line(key: string, value: string | number | bigint): void {
    this.text(`${key}=${value}\n`)
  }

  hexLine(key: string, value: Uint8Array): void {
    this.#reserve(key.length + 2 + value.length * 2)
    this.text(key)
    this.#bytes[this.#length++] = EQUALS
    for (const byte of value) {
      this.#bytes[this.#length++] = hexDigit(byte >>> 4)
      this.#bytes[this.#length++] = hexDigit(byte & 15)
    }
    this.#bytes[this.#length++] = NEWLINE
  }

  text(ascii: string): void {
    this.#reserve(ascii.length)
    for (let i = 0; i < ascii.length; i++) this.#bytes[this.#length++] = ascii.charCodeAt(i)
  }

  /** The text, in memory that holds nothing else and is the caller's. */
  finish(): Uint8Array {
    const text = this.#bytes.slice(0, this.#length)
    this.#bytes.fill(0)
    this.#length = 0
    return text
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more))
    larger.set(this.#bytes)
    this.#bytes.fill(0)
    this.#bytes = larger
  }
}

const EQUALS = 61
const NEWLINE = 10

function hexDigit(value: number): number {
  // "0".."9", then "a".."f", without a table that a key could be looked up in.
  return 48 + value + (((9 - value) >> 31) & 39)
}
