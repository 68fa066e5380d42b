/** Tells systemd how a service is: sd_notify(3). Node has no datagram sockets with a path, so this asks libc. */
import { bind } from '@wireweave/ffi/library'

const AF_UNIX = 1
const SOCK_DGRAM_CLOEXEC = 2 | 0x80000
const SUN_PATH_BYTES = 108

export interface Notifier {
  /** Lines such as `READY=1`. A manager that does not listen is no failure of ours. */
  send(...lines: readonly string[]): void
  /** A reload is under way, until `READY=1`. */
  reloading(): void
}

/** `null` when nobody asked. Forgets the socket in `env`: what we start has nothing to tell. */
export function findNotifier(env: NodeJS.ProcessEnv): Notifier | null {
  const target = env['NOTIFY_SOCKET']
  delete env['NOTIFY_SOCKET']
  const address = target === undefined ? null : unixAddress(target)
  if (address === null) return null
  const send = (...lines: readonly string[]): void => sendDatagram(address, Buffer.from(lines.join('\n')))
  return {
    send,
    reloading: () => send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
  }
}

/** A path, or an abstract name that begins with `@`; `null` for anything else, such as a vsock. */
function unixAddress(target: string): Uint8Array | null {
  const name = Buffer.from(target)
  if (!/^[/@]./.test(target) || name.length >= SUN_PATH_BYTES) return null
  const address = new Uint8Array(2 + name.length)
  new DataView(address.buffer).setUint16(0, AF_UNIX, true)
  address.set(name, 2)
  if (target.startsWith('@')) address[2] = 0
  return address
}

function sendDatagram(address: Uint8Array, payload: Uint8Array): void {
  const libc = bind(null, {
    socket: ['socket', 'int', ['int', 'int', 'int']],
    sendto: ['sendto', 'long', ['int', 'void *', 'size_t', 'int', 'void *', 'uint']],
    close: ['close', 'int', ['int']],
  })
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0)
  if (fd < 0) return
  libc.sendto(fd, payload, payload.length, 0, address, address.length)
  libc.close(fd)
}
