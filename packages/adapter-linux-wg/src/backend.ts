/** The kernel's WireGuard: interfaces by rtnetlink, configuration by generic netlink. */
import { mayAdministerNetwork } from '@wireweave/ffi/capabilities'
import { EACCES, EADDRINUSE, EEXIST, ENODEV, ENOENT, EOPNOTSUPP, EPERM, SystemError } from '@wireweave/ffi/errno'
import { Readiness } from '@wireweave/ffi/poll'
import { resolveFamily } from '@wireweave/netlink/generic'
import {
  createLink,
  deleteLink,
  findLink,
  readLink,
  RTM_DELLINK,
  RTMGRP_LINK,
  setLinkUp,
} from '@wireweave/netlink/link'
import type { Link } from '@wireweave/netlink/link'
import { NETLINK_GENERIC, NETLINK_ROUTE, NetlinkSocket } from '@wireweave/netlink/socket'
import type { Availability, InterfaceOptions, InterfaceRef, Tunnel, TunnelBackend } from '@wireweave/tunnel/backend'
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { WG_GENL_NAME } from './abi.js'
import type { DecodedDevice } from './codec.js'
import { KernelDevice, wipeSecrets } from './device.js'
import { createNamed } from './name.js'

const NAME = 'linux-wg'
const KIND = 'wireguard'
const DEFAULT_MTU = 1420
const PERMISSION_REMEDY = 'run as root, or give the process CAP_NET_ADMIN (in a container: --cap-add NET_ADMIN)'
const MODULE_REMEDY = 'try `modprobe wireguard`; it is part of Linux since 5.6'

/** A backend whose data plane is the kernel's; needs its `wireguard` module and CAP_NET_ADMIN. */
export function linuxWgBackend(): TunnelBackend {
  return { name: NAME, dataPlane: 'kernel', reach: 'host', probe, open }
}

function probe(): Promise<Availability> {
  return Promise.resolve(availability())
}

function availability(): Availability {
  if (process.platform !== 'linux') {
    return { available: false, reason: 'this is not Linux', remedy: 'Use another adapter.' }
  }
  try {
    using socket = new NetlinkSocket(NETLINK_GENERIC)
    resolveFamily(socket, WG_GENL_NAME)
    if (mayAdministerNetwork()) return { available: true }
    return { available: false, reason: 'the process lacks CAP_NET_ADMIN', remedy: sentence(PERMISSION_REMEDY) }
  } catch (error) {
    const missing = error instanceof SystemError && error.errno === ENOENT
    const reason = missing ? 'the kernel has no wireguard module loaded' : String(error)
    return { available: false, reason, remedy: missing ? sentence(MODULE_REMEDY) : 'Use another adapter.' }
  }
}

function open(options: InterfaceOptions): Promise<Tunnel> {
  return attempt(`opening ${options.name}`, () => openLink(options))
}

function openLink({ name: asked, mtu = DEFAULT_MTU, signal }: InterfaceOptions): Tunnel {
  if (signal?.aborted === true)
    throw new WireGuardError('ABORTED', `opening ${asked} was aborted`, { cause: signal.reason })
  const route = new NetlinkSocket(NETLINK_ROUTE)
  let link: Link | null = null
  try {
    link = createNamed(asked, (name) => createLink(route, name, KIND, mtu))
    return new KernelTunnel(route, link)
  } catch (error) {
    if (link !== null) deleteLink(route, link.index)
    route.close()
    throw error
  }
}

class KernelTunnel implements Tunnel {
  readonly backend: string = NAME
  readonly interfaceRef: InterfaceRef
  readonly closed: Promise<void>
  readonly #route: NetlinkSocket
  readonly #device: KernelDevice
  readonly #watch: LinkWatch
  #isOpen = true
  #settleClosed: () => void = () => {}

  constructor(route: NetlinkSocket, { name, index }: Link) {
    this.interfaceRef = { name, index }
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve))
    this.#route = route
    this.#device = new KernelDevice(this.interfaceRef)
    try {
      this.#watch = new LinkWatch(index, () => this.#release())
    } catch (error) {
      this.#device.close()
      throw error
    }
  }

  apply(update: DeviceUpdate): Promise<void> {
    return attempt(`configuring ${this.interfaceRef.name}`, () => {
      this.#requireOpen()
      this.#device.apply(update)
    })
  }

  snapshot(): Promise<DeviceSnapshot> {
    return attempt(`reading ${this.interfaceRef.name}`, () => {
      const { snapshot, secrets } = this.#read()
      wipeSecrets(secrets)
      return snapshot
    })
  }

  secrets(): Promise<DeviceSecrets> {
    return attempt(`reading ${this.interfaceRef.name}`, () => this.#read().secrets)
  }

  up(): Promise<void> {
    return this.#setUp(true)
  }

  down(): Promise<void> {
    return this.#setUp(false)
  }

  close(): Promise<void> {
    if (!this.#isOpen) return this.closed
    return attempt(`closing ${this.interfaceRef.name}`, () => {
      deleteLink(this.#route, this.interfaceRef.index)
      this.#release()
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #setUp(isUp: boolean): Promise<void> {
    return attempt(`bringing ${this.interfaceRef.name} ${isUp ? 'up' : 'down'}`, () => {
      this.#requireOpen()
      setLinkUp(this.#route, this.interfaceRef.index, isUp)
    })
  }

  #read(): DecodedDevice {
    this.#requireOpen()
    return this.#device.read()
  }

  #requireOpen(): void {
    if (!this.#isOpen) throw new WireGuardError('CLOSED', `the interface ${this.interfaceRef.name} is gone`)
  }

  #release(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#watch.close()
    this.#device.close()
    this.#route.close()
    this.#settleClosed()
  }
}

/** Hears of the deletion of one interface. Does not keep the process alive: the interface lives on without us. */
class LinkWatch {
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE, RTMGRP_LINK)
  readonly #readiness: Readiness
  #isOpen = true

  constructor(index: number, onDeleted: () => void) {
    try {
      this.#readiness = new Readiness(this.#socket.fd).unref()
    } catch (error) {
      this.#socket.close()
      throw error
    }
    void this.#run(index, onDeleted)
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#readiness.close()
    this.#socket.close()
  }

  async #run(index: number, onDeleted: () => void): Promise<void> {
    while (this.#isOpen) {
      try {
        await this.#readiness.readable()
        const isDeleted = this.#socket
          .receive()
          .some(({ type, payload }) => type === RTM_DELLINK && readLink(payload).index === index)
        if (isDeleted) onDeleted()
      } catch {
        // Closed, or the kernel dropped messages that did not fit (ENOBUFS): look whether the interface is still there.
        if (this.#isOpen && !exists(index)) onDeleted()
      }
    }
  }
}

/** When the kernel cannot be asked (no descriptors left), the interface counts as there: the next call on it will tell. */
function exists(index: number): boolean {
  try {
    using socket = new NetlinkSocket(NETLINK_ROUTE)
    return findLink(socket, index) !== null
  } catch {
    return true
  }
}

/** Runs synchronous netlink work and turns the kernel's refusal into an error that says what to do. */
function attempt<T>(what: string, work: () => T): Promise<T> {
  try {
    return Promise.resolve(work())
  } catch (error) {
    return Promise.reject(error instanceof SystemError ? translate(what, error) : error)
  }
}

function translate(what: string, error: SystemError): WireGuardError {
  const options = { cause: error, errno: error.code }
  switch (error.errno) {
    case EPERM:
    case EACCES:
      return new WireGuardError('PERMISSION_DENIED', `${what} is not allowed: ${PERMISSION_REMEDY}`, options)
    case EEXIST:
      return new WireGuardError(
        'NAME_IN_USE',
        `${what}: there is an interface of that name; choose another, or delete it`,
        options,
      )
    case EADDRINUSE:
      return new WireGuardError('ADDRESS_IN_USE', `${what}: the listen port is taken; choose another or 0`, options)
    case EOPNOTSUPP:
    case ENOENT:
      return new WireGuardError(
        'NOT_SUPPORTED',
        `${what}: the kernel has no wireguard module; ${MODULE_REMEDY}`,
        options,
      )
    case ENODEV:
      return new WireGuardError('NO_SUCH_INTERFACE', `${what}: the interface is gone; open it again`, options)
    default:
      return new WireGuardError('SYSTEM', `${what}: ${error.message}`, options)
  }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
