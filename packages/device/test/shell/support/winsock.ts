/** A model of Windows' UDP, loopback only, which has every feature, and refuses what a test tells it to. Needs libc. */
import { bind } from '@wireweave/ffi/library'
import { NativeMemory } from '@wireweave/ffi/memory'
import { AF_INET, decodeSockaddr, encodeSockaddr, SOCKADDR_INET } from '@wireweave/ffi/win32/sockaddr'
import * as winsock from '@wireweave/ffi/win32/winsock'
import type { SocketEvent, WinsockCalls } from '../../../src/shell/internal/windows/calls.js'

type CallName = Exclude<keyof WinsockCalls, 'lastError' | 'openEvent' | 'receiveMessageOf'> | 'receiveMessage'

interface Datagram {
  readonly from: Uint8Array
  readonly bytes: Uint8Array
  /** Of the first; what follows in `bytes` is as long, but for the last. */
  readonly segment: number
}

interface Socket {
  readonly domain: number
  readonly options: Map<string, number>
  readonly queue: Datagram[]
  port: number
  event: (() => void) | null
}

const FIRST_PORT = 49_152
const MAX_BYTES = 65_507

export class FakeWinsock {
  /** How often each call was made. */
  readonly made: Record<string, number> = {}
  /** Sockets opened and not closed. */
  readonly open: Map<number, Socket> = new Map()
  readonly calls: WinsockCalls
  /** Coalesced messages do not say where to cut, as some drivers have it. */
  forgetsSegments = false
  readonly #rules: { call: CallName; refuses: (args: readonly number[]) => boolean; code: number; times: number }[] = []
  #code = 0
  #nextHandle = 100
  #nextPort = FIRST_PORT

  constructor() {
    const receiveMessage = this.#wrap('receiveMessage', this.#receiveMessage)
    this.calls = {
      socket: this.#wrap('socket', this.#socket),
      bind: this.#wrap('bind', this.#bind),
      getsockname: this.#wrap('getsockname', this.#getsockname),
      setsockopt: this.#wrap('setsockopt', this.#setsockopt),
      getsockopt: this.#wrap('getsockopt', this.#getsockopt),
      control: this.#wrap('control', () => 0),
      recvfrom: this.#wrap('recvfrom', this.#recvfrom),
      sendto: this.#wrap('sendto', this.#sendto),
      sendMessage: this.#wrap('sendMessage', this.#sendMessage),
      receiveMessageOf: () => receiveMessage,
      close: this.#wrap('close', (handle) => (this.open.delete(handle!) ? 0 : this.#fail(winsock.WSAENOTSOCK))),
      lastError: () => this.#code,
      openEvent: () => this.#openEvent(),
    }
  }

  /** The next `times` calls of this name, of those with such arguments, fail with `code`. */
  refuse(
    call: CallName,
    code: number,
    refuses: (args: readonly number[]) => boolean = () => true,
    times = Infinity,
  ): void {
    this.#rules.push({ call, refuses, code, times })
  }

  option(domain: number, level: number, option: number): (number | undefined)[] {
    return [...this.open.values()]
      .filter((socket) => socket.domain === domain)
      .map(({ options }) => options.get(`${level} ${option}`))
  }

  #wrap(name: CallName, call: (...args: number[]) => number): (...args: number[]) => number {
    return (...args) => {
      this.made[name] = (this.made[name] ?? 0) + 1
      const rule = this.#rules.find((rule) => rule.call === name && rule.times > 0 && rule.refuses(args))
      if (rule === undefined) return call.call(this, ...args)
      rule.times--
      return this.#fail(rule.code)
    }
  }

  #fail(code: number): number {
    this.#code = code
    return -1
  }

  #socket(domain: number): number {
    const handle = this.#nextHandle
    this.#nextHandle += 4
    this.open.set(handle, { domain, options: new Map(), queue: [], port: 0, event: null })
    return handle
  }

  #bind(handle: number, name: number, length: number): number {
    const socket = this.open.get(handle)!
    const { port } = decodeSockaddr(viewOf(read(name, length)), 0)!
    if (port !== 0 && this.#at(socket.domain, port)) return this.#fail(winsock.WSAEADDRINUSE)
    if (port === 0) while (this.#at(socket.domain, this.#nextPort)) this.#nextPort++
    socket.port = port === 0 ? this.#nextPort++ : port
    return 0
  }

  #at(domain: number, port: number): Socket | undefined {
    return [...this.open.values()].find((socket) => socket.domain === domain && socket.port === port)
  }

  #getsockname(handle: number, name: number): number {
    write(name, this.#nameOf(this.open.get(handle)!))
    return 0
  }

  #nameOf({ domain, port }: Socket): Uint8Array {
    const name = new Uint8Array(SOCKADDR_INET.size)
    const address = domain === AF_INET ? Uint8Array.of(127, 0, 0, 1) : Uint8Array.of(...new Uint8Array(15), 1)
    encodeSockaddr(viewOf(name), 0, { address, port })
    return domain === AF_INET ? name.subarray(0, 16) : name
  }

  #setsockopt(handle: number, level: number, option: number, value: number): number {
    this.open.get(handle)!.options.set(`${level} ${option}`, viewOf(read(value, 4)).getUint32(0, true))
    return 0
  }

  #getsockopt(handle: number, level: number, option: number, value: number): number {
    const bytes = new Uint8Array(4)
    viewOf(bytes).setUint32(0, this.open.get(handle)!.options.get(`${level} ${option}`) ?? 0, true)
    write(value, bytes)
    return 0
  }

  #sendto(handle: number, bytes: number, length: number, _flags: number, name: number, nameLength: number): number {
    if (length > MAX_BYTES) return this.#fail(winsock.WSAEMSGSIZE)
    return this.#deliver(handle, read(name, nameLength), read(bytes, length), length) ? length : -1
  }

  #sendMessage(handle: number, message: number): number {
    const view = viewOf(read(message, winsock.WSAMSG.size))
    const buffer = viewOf(read(pointer(view, winsock.WSAMSG.lpBuffers), winsock.WSABUF.size))
    const bytes = read(pointer(buffer, winsock.WSABUF.buf), buffer.getUint32(0, true))
    const control = viewOf(
      read(pointer(view, winsock.WSAMSG.controlBuf), view.getUint32(winsock.WSAMSG.controlLen, true)),
    )
    const [length, level, type] = [0, 8, 12].map((at) => control.getUint32(at, true))
    if (length !== 20 || level !== winsock.IPPROTO_UDP || type !== winsock.UDP_SEND_MSG_SIZE)
      return this.#fail(winsock.WSAEINVAL)
    const segment = control.getUint32(16, true)
    if (bytes.length > MAX_BYTES || segment === 0) return this.#fail(winsock.WSAEMSGSIZE)
    const name = read(pointer(view, winsock.WSAMSG.name), view.getInt32(winsock.WSAMSG.namelen, true))
    return this.#deliver(handle, name, bytes, segment) ? 0 : -1
  }

  #deliver(handle: number, name: Uint8Array, bytes: Uint8Array, segment: number): boolean {
    const from = this.open.get(handle)
    if (from === undefined) return this.#fail(winsock.WSAENOTSOCK) === 0
    const whole = new Uint8Array(SOCKADDR_INET.size)
    whole.set(name)
    const { address, port } = decodeSockaddr(viewOf(whole), 0)!
    if (port === 0) return this.#fail(winsock.WSAEADDRNOTAVAIL) === 0
    const isLoopback = address.length === 4 ? address[0] === 127 : address.at(-1) === 1 && address[0] === 0
    const to = isLoopback ? this.#at(from.domain, port) : undefined
    if (to === undefined) return true
    const option = `${winsock.IPPROTO_UDP} ${winsock.UDP_RECV_MAX_COALESCED_SIZE}`
    const coalesces = to.options.has(option)
    for (let at = 0; at === 0 || at < bytes.length; at += coalesces ? bytes.length : segment) {
      const part = coalesces ? bytes : bytes.subarray(at, at + segment)
      to.queue.push({ from: this.#nameOf(from), bytes: part.slice(), segment })
      if (bytes.length === 0) break
    }
    to.event?.()
    return true
  }

  #recvfrom(handle: number, bytes: number, length: number, _flags: number, name: number, nameLength: number): number {
    const socket = this.open.get(handle)
    if (socket === undefined) return this.#fail(winsock.WSAENOTSOCK)
    const datagram = socket.queue.shift()
    if (datagram === undefined) return this.#fail(winsock.WSAEWOULDBLOCK)
    if (socket.queue.length > 0) socket.event?.()
    if (length < datagram.bytes.length) throw new Error('too little room')
    write(bytes, datagram.bytes)
    write(name, datagram.from)
    write(nameLength, Uint8Array.of(datagram.from.length, 0, 0, 0))
    return datagram.bytes.length
  }

  #receiveMessage(handle: number, message: number, received: number): number {
    const header = read(message, winsock.WSAMSG.size)
    const view = viewOf(header)
    const next = this.open.get(handle)?.queue[0]
    const buffer = viewOf(read(pointer(view, winsock.WSAMSG.lpBuffers), winsock.WSABUF.size))
    const name = pointer(view, winsock.WSAMSG.name)
    const bytes = pointer(buffer, winsock.WSABUF.buf)
    const length = this.#recvfrom(handle, bytes, buffer.getUint32(0, true), 0, name, message + winsock.WSAMSG.namelen)
    if (length < 0) return -1
    write(received, Uint8Array.of(length & 0xff, (length >>> 8) & 0xff, 0, 0))
    const control = new Uint8Array(48)
    const words = viewOf(control)
    // First something that nobody asked for.
    for (const [at, value] of [20, 0, 0, 50].entries()) words.setUint32(4 * at, value, true)
    const says = next!.segment < length && !this.forgetsSegments
    const info = [20, 0, winsock.IPPROTO_UDP, winsock.UDP_COALESCED_INFO, next!.segment]
    if (says) for (const [at, value] of info.entries()) words.setUint32(24 + 4 * at, value, true)
    write(pointer(view, winsock.WSAMSG.controlBuf), control)
    write(message + winsock.WSAMSG.controlLen, Uint8Array.of(says ? 48 : 24, 0, 0, 0))
    return 0
  }

  /** Sets itself back when a wait ends, as Windows' does. */
  #openEvent(): SocketEvent {
    let isSet = false
    let wait: { resolve(): void; reject(error: Error): void } | null = null
    const set = (): void => {
      isSet = wait === null
      wait?.resolve()
      wait = null
    }
    return {
      watch: (handle) => {
        this.open.get(handle)!.event = set
        return true
      },
      reset: () => void (isSet = false),
      wait: () => {
        if (isSet) {
          isSet = false
          return Promise.resolve()
        }
        return new Promise((resolve, reject) => (wait = { resolve, reject }))
      },
      close: (error) => {
        wait?.reject(error)
        return Promise.resolve()
      },
    }
  }
}

const libc = bind(null, { memcpy: ['memcpy', 'uintptr_t', ['uintptr_t', 'uintptr_t', 'size_t']] })
const scratch = new NativeMemory(1 << 17)

function read(address: number, length: number): Uint8Array {
  libc.memcpy(scratch.address, address, length)
  return scratch.bytes.slice(0, length)
}

function write(address: number, bytes: Uint8Array): void {
  scratch.bytes.set(bytes)
  libc.memcpy(address, scratch.address, bytes.length)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

function pointer(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000
}
