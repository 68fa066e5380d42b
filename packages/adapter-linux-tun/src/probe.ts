/** Would opening a TUN work here, now? */
import { release } from 'node:os'
import { mayAdministerNetwork } from '@wireweave/ffi/capabilities'
import { isWireGuardError } from '@wireweave/tunnel/errors'
import type { Availability } from '@wireweave/tunnel/backend'
import type { System } from './abi.js'
import { deviceRemedy, interfaceName, openDevice, permissionRemedy, TUN_DEVICE } from './binding.js'

/** Opens and closes the device at most, which makes no interface. `adopted` is a descriptor that would be used. */
export function probe(load: () => System, adopted: number | null, platform: string = process.platform): Availability {
  if (platform !== 'linux') {
    return { available: false, reason: `this is ${platform}, not Linux`, remedy: 'Use the adapter of this platform.' }
  }
  let system: System
  try {
    system = load()
  } catch (error) {
    return {
      available: false,
      reason: 'libc cannot be called',
      remedy: error instanceof Error ? error.message : String(error),
    }
  }
  return adopted === null ? probeDevice(system) : probeAdopted(system, adopted)
}

function probeDevice(system: System): Availability {
  try {
    system.close(openDevice(system))
  } catch (error) {
    if (!isWireGuardError(error)) throw error
    const remedy = error.code === 'PERMISSION_DENIED' ? permissionRemedy() : deviceRemedy()
    return { available: false, reason: `${TUN_DEVICE} cannot be opened (${error.errno})`, remedy: sentence(remedy) }
  }
  if (!mayAdministerNetwork()) {
    return { available: false, reason: 'the process lacks CAP_NET_ADMIN', remedy: sentence(permissionRemedy()) }
  }
  return { available: true, version: release() }
}

function probeAdopted(system: System, fd: number): Availability {
  if (interfaceName(system, fd) !== null) return { available: true, version: release() }
  const remedy = 'Pass the number of a descriptor that was attached with TUNSETIFF.'
  return { available: false, reason: `descriptor ${fd} is not an open TUN`, remedy }
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
