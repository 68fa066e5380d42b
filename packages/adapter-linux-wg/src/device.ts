/** The configuration of one of the kernel's WireGuard interfaces, by generic netlink; whoever made the interface. */
import { EINVAL, EOPNOTSUPP, SystemError } from '@wireweave/ffi/errno'
import { resolveFamily } from '@wireweave/netlink/generic'
import { NETLINK_GENERIC, NetlinkSocket } from '@wireweave/netlink/socket'
import type { InterfaceRef } from '@wireweave/tunnel/backend'
import type { DeviceSecrets, DeviceUpdate } from '@wireweave/tunnel/config'
import { hasRemovals, withoutRemovals } from '@wireweave/tunnel/removals'
import { validateUpdate } from '@wireweave/tunnel/validate'
import { WG_GENL_NAME } from './abi.js'
import { decodeDevice, encodeGet, encodeUpdate } from './codec.js'
import type { DecodedDevice } from './codec.js'

/** Calls throw a `SystemError`: EPERM without CAP_NET_ADMIN, ENODEV when the interface is gone. */
export class KernelDevice implements Disposable {
  readonly #interface: InterfaceRef
  readonly #generic: NetlinkSocket
  readonly #family: number

  /** Throws a `SystemError` with ENOENT when the kernel has no WireGuard. */
  constructor(interfaceRef: InterfaceRef) {
    this.#interface = interfaceRef
    this.#generic = new NetlinkSocket(NETLINK_GENERIC)
    try {
      this.#family = resolveFamily(this.#generic, WG_GENL_NAME)
    } catch (error) {
      this.#generic.close()
      throw error
    }
  }

  apply(update: DeviceUpdate): void {
    validateUpdate(update)
    try {
      this.#send(update)
    } catch (error) {
      if (!refusesRemovals(error, update)) throw error
      const { snapshot, secrets } = this.read()
      wipeSecrets(secrets)
      this.#send(withoutRemovals(update, snapshot))
    }
  }

  /** The secrets are the caller's to wipe. */
  read(): DecodedDevice {
    const { name, index } = this.#interface
    const parts = this.#generic.dump(encodeGet(this.#family, index), `reading ${name}`)
    try {
      return decodeDevice(parts)
    } finally {
      for (const part of parts) part.fill(0)
    }
  }

  close(): void {
    this.#generic.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #send(update: DeviceUpdate): void {
    const messages = encodeUpdate(update, this.#family, this.#interface.index)
    try {
      for (const message of messages) this.#generic.request(message, `configuring ${this.#interface.name}`)
    } finally {
      for (const message of messages) message.fill(0)
    }
  }
}

export function wipeSecrets({ privateKey, presharedKeys }: DeviceSecrets): void {
  privateKey?.fill(0)
  for (const key of presharedKeys) key?.fill(0)
}

/** Linux before 6.16 does not know the flag that removes one allowed IP. */
function refusesRemovals(error: unknown, update: DeviceUpdate): boolean {
  const refused = error instanceof SystemError && (error.errno === EOPNOTSUPP || error.errno === EINVAL)
  return refused && hasRemovals(update)
}
