/** systemd's end of sd_notify(3), in the place of systemd. */
import { bind } from '@wireweave/ffi/library'

const AF_UNIX = 1
const SOCK_DGRAM_NONBLOCK = 2 | 0x800

export class NotifySocket implements Disposable {
  readonly path: string
  readonly #fd: number
  readonly #texts: string[] = []
  readonly #libc = bind(null, {
    socket: ['socket', 'int', ['int', 'int', 'int']],
    bind: ['bind', 'int', ['int', 'void *', 'uint']],
    recv: ['recv', 'long', ['int', 'void *', 'size_t', 'int']],
    close: ['close', 'int', ['int']],
  })

  constructor(path: string) {
    this.path = path
    this.#fd = this.#libc.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK, 0)
    const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(path)])
    if (this.#libc.bind(this.#fd, address, address.length) !== 0) throw new Error(`cannot listen at ${path}`)
  }

  /** Every message so far. */
  received(): readonly string[] {
    const buffer = Buffer.alloc(4096)
    for (let got = 0; (got = this.#libc.recv(this.#fd, buffer, buffer.length, 0)) > 0;) {
      this.#texts.push(buffer.toString('utf8', 0, got))
    }
    return this.#texts
  }

  [Symbol.dispose](): void {
    this.#libc.close(this.#fd)
  }
}
