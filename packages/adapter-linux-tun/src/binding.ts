/** Opens, adopts and asks a TUN; what the kernel refuses becomes a WireGuardError with a remedy. */
import { EACCES, EBUSY, EINVAL, ENODEV, ENOENT, EPERM, errnoName, type SystemError } from '@wireweave/ffi/errno'
import {
  IFF_NO_PI,
  IFF_TUN,
  IFF_VNET_HDR,
  IFNAMSIZ,
  IFREQ,
  O_CLOEXEC,
  O_NONBLOCK,
  O_RDWR,
  TUN_F_CSUM,
  TUN_F_TSO4,
  TUN_F_TSO6,
  TUN_F_TSO_ECN,
  TUN_F_USO4,
  TUN_F_USO6,
  TUNGETIFF,
  TUNSETIFF,
  TUNSETOFFLOAD,
  TUNSETVNETHDRSZ,
  VIRTIO_NET_HDR,
} from '@wireweave/ffi/linux'
import { NativeMemory } from '@wireweave/ffi/memory'
import { WireGuardError, type WireGuardErrorCode } from '@wireweave/tunnel/errors'
import { INTERFACE_NAME_RULE, isInterfacePattern } from '@wireweave/tunnel/interface-name'
import type { System } from './abi.js'

export const TUN_DEVICE = '/dev/net/tun'

export interface OpenTun {
  readonly fd: number
  /** Packets carry a virtio header. */
  readonly hasHeader: boolean
}

/** What the interface hands over in large pieces, or unfinished. */
export interface ReceiveOffloads {
  readonly checksum: boolean
  readonly tcpSegmentation: boolean
  readonly udpSegmentation: boolean
}

export const NO_OFFLOADS: ReceiveOffloads = { checksum: false, tcpSegmentation: false, udpSegmentation: false }

/** Throws a WireGuardError for a name that cannot be an interface's. */
export function checkName(name: string): void {
  if (isInterfacePattern(name)) return
  const rule = `${INTERFACE_NAME_RULE}, with %d at the end to have it numbered`
  throw new WireGuardError('NAME_INVALID', `${JSON.stringify(name)} cannot be the name of an interface: use ${rule}`)
}

/** Makes an interface of that name, or attaches to a persistent TUN that has it and is not in use. */
export function createTun(system: System, name: string): OpenTun {
  checkName(name)
  const fd = openDevice(system)
  const request = new NativeMemory(IFREQ.size)
  request.bytes.set(new TextEncoder().encode(name))
  request.view.setUint16(IFREQ.flags, IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, true)
  if (system.ioctl(fd, TUNSETIFF, request.address) < 0) {
    const failure = createFailure(name, system.errno())
    system.close(fd)
    throw failure
  }
  setHeaderBytes(system, fd)
  return { fd, hasHeader: true }
}

/** A descriptor of the TUN device, attached to nothing yet. */
export function openDevice(system: System): number {
  const fd = system.open(TUN_DEVICE, O_RDWR | O_NONBLOCK | O_CLOEXEC)
  if (fd < 0) throw openFailure(system.errno())
  return fd
}

/** Takes over a descriptor that someone else opened as a TUN. On failure it stays theirs. */
export function adoptTun(system: System, fd: number): OpenTun {
  const request = new NativeMemory(IFREQ.size)
  if (system.ioctl(fd, TUNGETIFF, request.address) < 0) {
    const code = errnoName(system.errno())
    throw failure(
      'NO_SUCH_INTERFACE',
      `descriptor ${fd} is not an open TUN (${code}): attach it with TUNSETIFF first`,
      code,
    )
  }
  const flags = request.view.getUint16(IFREQ.flags, true)
  // Whether packets begin with four bytes of packet information (no IFF_NO_PI) the kernel does not tell.
  if ((flags & IFF_TUN) === 0) {
    throw failure('NOT_SUPPORTED', `descriptor ${fd} is a TAP: open it with IFF_TUN | IFF_NO_PI`)
  }
  const hasHeader = (flags & IFF_VNET_HDR) !== 0
  if (hasHeader) setHeaderBytes(system, fd)
  setNonBlocking(system, fd)
  return { fd, hasHeader }
}

/** Turns on what is wanted, or as much of it as the kernel takes: USO came with Linux 6.2. Returns what is on. */
export function setOffloads(system: System, fd: number, wanted: ReceiveOffloads): ReceiveOffloads {
  const checksum = wanted.checksum
  const tcpSegmentation = checksum && wanted.tcpSegmentation
  const udpSegmentation = checksum && wanted.udpSegmentation
  const attempts: ReceiveOffloads[] = [
    { checksum, tcpSegmentation, udpSegmentation },
    { checksum, tcpSegmentation, udpSegmentation: false },
    { checksum, tcpSegmentation: false, udpSegmentation: false },
    NO_OFFLOADS,
  ]
  for (const attempt of attempts) {
    if (system.ioctl(fd, TUNSETOFFLOAD, offloadFlags(attempt)) === 0) return attempt
  }
  // An interface fresh from TUNSETIFF has none; an adopted one that refuses even that keeps those it has, which we can read.
  return NO_OFFLOADS
}

/** The interface's name now; `null` when it is gone. */
export function interfaceName(system: System, fd: number): string | null {
  const request = new NativeMemory(IFREQ.size)
  if (system.ioctl(fd, TUNGETIFF, request.address) < 0) return null
  const end = request.bytes.indexOf(0)
  return new TextDecoder().decode(request.bytes.subarray(0, Math.min(end, IFNAMSIZ)))
}

export function mtuFailure(name: string, mtu: number, cause: SystemError): WireGuardError {
  if (cause.errno === EPERM) return permission(`set the MTU of ${name}`, cause)
  const code = cause.errno === EINVAL ? 'CONFIG_INVALID' : 'SYSTEM'
  const message = `cannot set the MTU of ${name} to ${mtu} (${cause.code}): a TUN takes 68 to 65535`
  return new WireGuardError(code, message, { cause, errno: cause.code })
}

export function upFailure(name: string, isUp: boolean, cause: SystemError): WireGuardError {
  const what = `bring ${name} ${isUp ? 'up' : 'down'}`
  if (cause.errno === EPERM) return permission(what, cause)
  return new WireGuardError('SYSTEM', `cannot ${what} (${cause.code})`, { cause, errno: cause.code })
}

function offloadFlags({ checksum, tcpSegmentation, udpSegmentation }: ReceiveOffloads): number {
  return (
    (checksum ? TUN_F_CSUM : 0) |
    (tcpSegmentation ? TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN : 0) |
    (udpSegmentation ? TUN_F_USO4 | TUN_F_USO6 : 0)
  )
}

/** Ten bytes are the default, but a persistent or adopted interface may have been told otherwise. Known since Linux 2.6.33. */
function setHeaderBytes(system: System, fd: number): void {
  const size = new NativeMemory(4)
  size.view.setInt32(0, VIRTIO_NET_HDR.size, true)
  system.ioctl(fd, TUNSETVNETHDRSZ, size.address)
}

const F_GETFL = 3
const F_SETFL = 4

function setNonBlocking(system: System, fd: number): void {
  const flags = system.fcntl(fd, F_GETFL, 0)
  if (flags >= 0 && system.fcntl(fd, F_SETFL, flags | O_NONBLOCK) === 0) return
  const code = errnoName(system.errno())
  throw failure('SYSTEM', `cannot make descriptor ${fd} non-blocking (${code}): close it and open the TUN again`, code)
}

function openFailure(code: number): WireGuardError {
  const name = errnoName(code)
  if (code === ENOENT || code === ENODEV) {
    return failure('NOT_SUPPORTED', `there is no ${TUN_DEVICE} (${name}): ${deviceRemedy()}`, name)
  }
  if (code === EPERM || code === EACCES) return permission(`open ${TUN_DEVICE}`, { code: name })
  return failure('SYSTEM', `cannot open ${TUN_DEVICE} (${name}): see the kernel log for the cause`, name)
}

function createFailure(name: string, code: number): WireGuardError {
  const errno = errnoName(code)
  if (code === EPERM) return permission(`create the interface ${name}`, { code: errno })
  if (code === EBUSY) {
    return failure(
      'NAME_IN_USE',
      `the interface ${name} is in use (${errno}): stop what uses it, or choose another name`,
      errno,
    )
  }
  // EINVAL: the name belongs to an interface of another kind, since the name itself was checked.
  if (code === EINVAL) {
    return failure('NAME_IN_USE', `${name} is an interface, but not a TUN (${errno}): choose another name`, errno)
  }
  return failure('SYSTEM', `cannot create the interface ${name} (${errno}): see the kernel log for the cause`, errno)
}

/** How to get /dev/net/tun. */
export function deviceRemedy(): string {
  return 'load the module with "modprobe tun"; in a container pass --device /dev/net/tun --cap-add NET_ADMIN'
}

/** How to get the permission. */
export function permissionRemedy(): string {
  return 'run as root, or give the process CAP_NET_ADMIN (in a container: --cap-add NET_ADMIN)'
}

function permission(what: string, cause: { readonly code: string }): WireGuardError {
  return failure('PERMISSION_DENIED', `not allowed to ${what} (${cause.code}): ${permissionRemedy()}`, cause.code)
}

function failure(code: WireGuardErrorCode, message: string, errno?: string): WireGuardError {
  return new WireGuardError(code, message, errno === undefined ? {} : { errno })
}
