/** What an administrator chose for wireguard-windows, in the registry. */
import { readRegistryDword } from '@wireweave/ffi/win32/registry'

const KEY = 'Software\\WireGuard'

/** `null` for a value that is not there. */
export interface WireGuardSwitches {
  /** wireguard-windows 0.4 to 0.4.7: other than 0 for WireGuardNT. */
  readonly experimentalKernelDriver: number | null
  /** wireguard-windows 0.4.8 and later: other than 0 for Wintun. */
  readonly useUserspaceImplementation: number | null
}

/** Windows only. Whoever may log on may read them; only administrators may write. */
export function readWireGuardSwitches(): WireGuardSwitches {
  return {
    experimentalKernelDriver: readRegistryDword(KEY, 'ExperimentalKernelDriver'),
    useUserspaceImplementation: readRegistryDword(KEY, 'UseUserspaceImplementation'),
  }
}
