import { readFileSync } from 'node:fs'
import { isInterfaceName } from '@wireweave/tunnel/interface-name'

/** The index of the interface with this name, `null` when there is none. Any interface, with or without an address. */
export function zoneIndex(zone: string): number | null {
  if (!isInterfaceName(zone)) return null
  try {
    return Number(readFileSync(`/sys/class/net/${zone}/ifindex`, 'latin1'))
  } catch {
    return null
  }
}
