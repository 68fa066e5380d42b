/** Processes of a tunnel, as the system knows them: no file of ours that could be out of date. */
import { closeSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { bind } from '@wireweave/ffi/library'

const AF_UNIX = 1
const SOCK_STREAM_CLOEXEC_NONBLOCK = 1 | 0x80000 | 0x800
const SOL_SOCKET = 1
const SO_PEERCRED = 17
const UCRED_BYTES = 12
const SUN_PATH_BYTES = 108

/** The process that listens on a socket; `null` when nobody does, or it is not in our process namespace. */
export function serverOf(file: string): number | null {
  const name = Buffer.from(file)
  if (process.platform !== 'linux' || name.length >= SUN_PATH_BYTES) return null
  const libc = bind(null, {
    socket: ['socket', 'int', ['int', 'int', 'int']],
    connect: ['connect', 'int', ['int', 'void *', 'uint']],
    getsockopt: ['getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']],
  })
  const fd = libc.socket(AF_UNIX, SOCK_STREAM_CLOEXEC_NONBLOCK, 0)
  if (fd < 0) return null
  try {
    const address = new Uint8Array(2 + name.length + 1)
    new DataView(address.buffer).setUint16(0, AF_UNIX, true)
    address.set(name, 2)
    if (libc.connect(fd, address, address.length) !== 0) return null
    const credentials = new Uint8Array(UCRED_BYTES)
    const length = new Uint8Array(new Uint32Array([UCRED_BYTES]).buffer)
    if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0) return null
    return new DataView(credentials.buffer).getInt32(0, true) || null
  } finally {
    closeSync(fd)
  }
}

export function isRunning(pid: number): boolean {
  return argumentsOf(pid).length > 0
}

/** Guards of an interface, and shells that may become one. */
export function guardsOf(name: string): number[] {
  return processes().filter((pid) => {
    const args = argumentsOf(pid)
    const at = args.findIndex((word) => word.endsWith('/dist/guard.js'))
    return at > 0 && args[at + 1] === name
  })
}

/** The processes that `wireweave up` keeps for an interface, whatever its data plane. */
export function upProcessesOf(name: string): number[] {
  return processes().filter((pid) => argumentsOf(pid).join(' ').trim() === `wireweave up ${name}`)
}

/** As `ps` calls it; empty when there is no such process. */
export function nameOf(pid: number): string {
  return readOr(`/proc/${pid}/comm`).trim()
}

/** Our own user's: anybody can give a process of his a name that looks like one of these. */
function processes(): number[] {
  if (process.platform !== 'linux') return []
  const own = process.getuid!()
  return readdirSync('/proc')
    .filter((entry) => /^[0-9]+$/.test(entry))
    .filter((entry) => statSync(`/proc/${entry}`, { throwIfNoEntry: false })?.uid === own)
    .map(Number)
}

/** Empty for one that has ended and was not waited for. */
function argumentsOf(pid: number): string[] {
  const text = readOr(`/proc/${pid}/cmdline`)
  return text === '' ? [] : text.split('\0')
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
