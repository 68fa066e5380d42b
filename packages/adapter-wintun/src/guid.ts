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

/** From `{94C54307-B533-BB79-A583-062492199692}`, braces or not; `null` when it is none. */
export function parseGuid(text: string): Uint8Array | null {
  const match = /^\{?([0-9a-f]{8})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{12})\}?$/i.exec(text)
  if (match === null) return null
  const [first, second, third, ...rest] = match.slice(1).map((hex) => Buffer.from(hex, 'hex'))
  return new Uint8Array(Buffer.concat([first!.reverse(), second!.reverse(), third!.reverse(), ...rest]))
}

export function formatGuid(bytes: Uint8Array): string {
  const hex = (from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString('hex')
  const reversed = (from: number, to: number): string => Buffer.from(bytes.slice(from, to).reverse()).toString('hex')
  const text = [reversed(0, 4), reversed(4, 6), reversed(6, 8), hex(8, 10), hex(10, 16)].join('-')
  return `{${text.toUpperCase()}}`
}
