/** An AF_PACKET socket on one interface: sends bytes out of it as they are, and sees what the host gets from it. */
import { check, EAGAIN, errno } from '@wireweave/ffi/errno'
import { bind } from '@wireweave/ffi/library'
import { SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from '@wireweave/ffi/linux'

const AF_PACKET = 17
const ETH_P_ALL = 3
const PACKET_OUTGOING = 4
const SOCKADDR_LL_BYTES = 20

const TABLE = {
  socket: ['socket', 'int', ['int', 'int', 'int']],
  bind: ['bind', 'int', ['int', 'void *', 'uint']],
  send: ['send', 'long', ['int', 'void *', 'size_t', 'int']],
  recvfrom: ['recvfrom', 'long', ['int', 'void *', 'size_t', 'int', 'void *', 'void *']],
  close: ['close', 'int', ['int']],
} as const

export class PacketSocket {
  readonly received: Uint8Array[] = []
  readonly #libc = bind(null, TABLE)
  readonly #fd: number

  constructor(index: number) {
    const swapped = ETH_P_ALL << 8
    this.#fd = check(this.#libc.socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, swapped), 'socket')
    const address = new Uint8Array(SOCKADDR_LL_BYTES)
    const view = new DataView(address.buffer)
    view.setUint16(0, AF_PACKET, true)
    view.setUint16(2, ETH_P_ALL)
    view.setInt32(4, index, true)
    check(this.#libc.bind(this.#fd, address, address.length), 'bind')
  }

  send(packet: Uint8Array): void {
    check(this.#libc.send(this.#fd, packet, packet.length, 0), 'send')
  }

  /** Adds what came in since the last call. */
  drain(): void {
    const buffer = new Uint8Array(65_536)
    const from = new Uint8Array(SOCKADDR_LL_BYTES)
    const length = new Uint8Array(4)
    for (;;) {
      length[0] = SOCKADDR_LL_BYTES
      const bytes = this.#libc.recvfrom(this.#fd, buffer, buffer.length, 0, from, length)
      if (bytes < 0) {
        if (errno() === EAGAIN) return
        check(bytes, 'recvfrom')
      }
      if (from[10] !== PACKET_OUTGOING) this.received.push(buffer.slice(0, bytes))
    }
  }

  close(): void {
    this.#libc.close(this.#fd)
  }
}
