/** The identity of an adapter: Windows keeps network profile, firewall category and settings by it. */
import { createHash } from 'node:crypto'
import { readRegistryString } from '@wireweave/ffi/win32/registry'

const LABEL = 'Wireweave Wintun adapter GUID v1'

/**
 * The same for this name on this machine each time, so that Windows knows the network again; another on every other
 * machine, so that it identifies nobody. 16 bytes as Windows has them in memory.
 */
export function adapterGuid(name: string, machine: string = machineId()): Uint8Array {
  const hash = createHash('sha256')
  for (const part of [LABEL, machine, name.normalize('NFC')]) hash.update(`${Buffer.byteLength(part)}:${part}`)
  return new Uint8Array(hash.digest().subarray(0, 16))
}

function machineId(): string {
  return readRegistryString('SOFTWARE\\Microsoft\\Cryptography', 'MachineGuid') ?? ''
}
