/** Which adapter is asked for, and by whom. */
import type { WireGuardSwitches } from '@wireweave/host-net/win32/switches'

export interface Wanted {
  /** A name, or `auto`. */
  readonly wanted: string
  readonly wantedBy: string
}

export interface Wishes {
  /** The `adapter` option. */
  readonly option: string | undefined
  /** The variable `WIREWEAVE_ADAPTER`. */
  readonly variable: string | undefined
  /** `null` on other systems than Windows. */
  readonly switches: WireGuardSwitches | null
  /** Whether the kernel's WireGuard may be taken. */
  readonly kernel: boolean
}

/** The first that says something: option, variable, the switches of wireguard-windows, the newer of those first. */
export function decideWanted({ option, variable, switches, kernel }: Wishes): Wanted {
  if (option !== undefined) return by('the adapter option', option)
  if (variable !== undefined && variable !== '') return by('the WIREWEAVE_ADAPTER variable', variable)
  const { useUserspaceImplementation: userspace = null, experimentalKernelDriver: driver = null } = switches ?? {}
  if (userspace !== null && userspace !== 0) return by(registryValue('UseUserspaceImplementation'), 'wintun')
  if (driver === 0) return by(registryValue('ExperimentalKernelDriver'), 'wintun')
  if (driver !== null && kernel) return by(registryValue('ExperimentalKernelDriver'), 'wgnt')
  return by('auto', 'auto')
}

function by(wantedBy: string, wanted: string): Wanted {
  return { wanted, wantedBy: wanted === 'auto' ? 'auto' : wantedBy }
}

function registryValue(name: string): string {
  return `${name} in HKLM\\Software\\WireGuard`
}
