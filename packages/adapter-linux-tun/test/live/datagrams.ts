/** UDP sockets in namespaces, by system call: with UDP_SEGMENT on the sender one call makes many datagrams. */
import { check, EAGAIN, errno } from '@wireweave/ffi/errno'
import { bind } from '@wireweave/ffi/library'
import {
  AF_INET,
  AF_INET6,
  IPPROTO_UDP,
  SO_RCVBUFFORCE,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCKADDR_IN,
  SOCKADDR_IN6,
  SOL_SOCKET,
  UDP_SEGMENT,
} from '@wireweave/ffi/linux'
import { within } from './rig.js'

const TABLE = {
  socket: ['socket', 'int', ['int', 'int', 'int']],
  bind: ['bind', 'int', ['int', 'void *', 'uint']],
  setsockopt: ['setsockopt', 'int', ['int', 'int', 'int', 'void *', 'uint']],
  sendto: ['sendto', 'long', ['int', 'void *', 'size_t', 'int', 'void *', 'uint']],
  recv: ['recv', 'long', ['int', 'void *', 'size_t', 'int']],
  close: ['close', 'int', ['int']],
} as const

export class UdpSocket {
  readonly #libc = bind(null, TABLE)
  readonly #fd: number

  /** Bound to `address` (an IPv4 or IPv6 literal) and `port` in that namespace. */
  constructor(namespace: string, address: string, port: number) {
    const target = socketAddress(address, port)
    const family = target.length === SOCKADDR_IN.size ? AF_INET : AF_INET6
    this.#fd = within(namespace, () =>
      check(this.#libc.socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), 'socket'),
    )
    this.#option(SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    check(this.#libc.bind(this.#fd, target, target.length), 'bind')
  }

  /** Cuts what is sent into datagrams of this many bytes, in the kernel as late as it can. */
  segment(bytes: number): void {
    this.#option(IPPROTO_UDP, UDP_SEGMENT, bytes)
  }

  send(address: string, port: number, bytes: Uint8Array): void {
    const target = socketAddress(address, port)
    check(this.#libc.sendto(this.#fd, bytes, bytes.length, 0, target, target.length), 'sendto')
  }

  /** All datagrams that have arrived. */
  receive(): Uint8Array[] {
    const buffer = new Uint8Array(65536)
    const datagrams: Uint8Array[] = []
    for (;;) {
      const length = this.#libc.recv(this.#fd, buffer, buffer.length, 0)
      if (length >= 0) datagrams.push(buffer.slice(0, length))
      else if (errno() === EAGAIN) return datagrams
      else check(length, 'recv')
    }
  }

  close(): void {
    this.#libc.close(this.#fd)
  }

  #option(level: number, option: number, value: number): void {
    const bytes = new Uint8Array(Int32Array.of(value).buffer)
    check(this.#libc.setsockopt(this.#fd, level, option, bytes, 4), 'setsockopt')
  }
}

function socketAddress(address: string, port: number): Uint8Array {
  const isV4 = address.includes('.')
  const bytes = new Uint8Array(isV4 ? SOCKADDR_IN.size : SOCKADDR_IN6.size)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, isV4 ? AF_INET : AF_INET6, true)
  view.setUint16(2, port)
  bytes.set(isV4 ? address.split('.').map(Number) : parseV6(address), isV4 ? SOCKADDR_IN.addr : SOCKADDR_IN6.addr)
  return bytes
}

/** `fd88::1` and the like. */
function parseV6(address: string): Uint8Array {
  const [head, tail] = address
    .split('::')
    .map((part) => (part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16))))
  const words = [...head!, ...Array.from({ length: 8 - head!.length - tail!.length }, () => 0), ...tail!]
  return Uint8Array.from(words.flatMap((word) => [word >> 8, word & 0xff]))
}
