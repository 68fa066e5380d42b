/**
 * Packets of a Windows machine through Wintun, the driver that wireguard-windows used: `wintun.dll`, 0.14, which is not part
 * of this package.
 *
 * @packageDocumentation
 */
import { parseGuid } from '@wireweave/ffi/win32/guid'
import type { Trust } from '@wireweave/ffi/win32/library'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { isWindowsName, WINDOWS_NAME_RULE } from '@wireweave/tunnel/interface-name'
import type { PacketAdapter, PacketPortOptions } from '@wireweave/tunnel/packets'
import { loadWintun, MAX_RING_BYTES, MIN_RING_BYTES, type Wintun } from './abi.js'
import { createAdapter, throwIfAborted } from './create.js'
import { loadFailure } from './failure.js'
import { adapterGuid } from './guid.js'
import { type IpHelper, ipHelper } from './ip-interface.js'
import { MIN_REGION_BYTES, regionBytes } from './layout.js'
import { WintunPort } from './port.js'
import { locateDll, probe } from './probe.js'

export type { WintunPort } from './port.js'
export type { WintunStats } from './stats.js'

export interface WintunOptions {
  /** Absolute path of wintun.dll. Otherwise it is looked for beside node.exe and in Windows' system folder. */
  readonly dll?: string
  /** Takes a DLL that WireGuard LLC has not signed, for development: whoever can write it has the machine. @default false */
  readonly allowUnsigned?: boolean
  /** Capacity of each ring: a power of two from 128 KiB to 64 MiB. @default 8 MiB */
  readonly ringBytes?: number
  /**
   * `{…}`: by which Windows knows the network again. Otherwise made of the name and this machine's own identity. No two
   * adapters may have the same.
   */
  readonly guid?: string
  /** In the device's description, before "Tunnel". @default "Wireweave" */
  readonly tunnelType?: string
  /** How often a creation is tried that fails in a way that may pass, as after a crash. @default 3 */
  readonly attempts?: number
  /** Milliseconds between. @default 1000 */
  readonly pauseMs?: number
  /** Another iphlpapi.dll, for tests on systems that lack part of it. */
  readonly ipHelper?: string
}

export interface WintunAdapter extends PacketAdapter {
  openPackets(options: PacketPortOptions): Promise<WintunPort>
}

const DEFAULT_MTU = 1420
/** The least that Windows gives IPv4. */
const MIN_MTU = 576
const MAX_MTU = 65535
const DEFAULT_RING_BYTES = 8 << 20
const SIGNER = 'WireGuard LLC'
/** As wireguard-windows has it: names of tunnels are names of services and pipes, too. */
const NAME = /^[a-zA-Z0-9_=+.-]{1,32}$/

/** Nothing is loaded and nothing created before `openPackets`. Throws a TypeError or RangeError for options that cannot be. */
export function wintunAdapter(options: WintunOptions = {}): WintunAdapter {
  const { ringBytes = DEFAULT_RING_BYTES, guid: guidText } = options
  const isPowerOfTwo = Number.isInteger(ringBytes) && (ringBytes & (ringBytes - 1)) === 0
  if (!isPowerOfTwo || ringBytes < MIN_RING_BYTES || ringBytes > MAX_RING_BYTES) {
    throw new RangeError('ringBytes must be a power of two from 128 KiB to 64 MiB')
  }
  const guid = guidText === undefined ? undefined : parseGuid(guidText)
  if (guid === null) throw new TypeError(`${guidText} is no GUID`)
  const adapter: WintunAdapter = {
    name: 'wintun',
    dataPlane: 'userspace',
    reach: 'host',
    regionBytes,
    async probe() {
      return probe(options.dll)
    },
    async openPackets(portOptions) {
      throwIfAborted(portOptions.signal)
      const mtu = checkedMtu(portOptions.mtu)
      const { length } = portOptions.region
      if (length < MIN_REGION_BYTES) throw new RangeError(`a region takes ${MIN_REGION_BYTES} bytes, not ${length}`)
      const wintun = load(options)
      const helper = ipHelper(options.ipHelper)
      const name = checkedName(portOptions.name, helper)
      const open = await createAdapter(wintun, helper, {
        name,
        guid: guid ?? adapterGuid(name),
        tunnelType: options.tunnelType ?? 'Wireweave',
        ringBytes,
        mtu,
        attempts: options.attempts ?? 3,
        pauseMs: options.pauseMs ?? 1000,
        signal: portOptions.signal,
      })
      return new WintunPort(wintun, open, mtu, portOptions)
    },
  }
  // A worker imports the default export below, which knows no options.
  return Object.keys(options).length === 0 ? { ...adapter, module: import.meta.url } : adapter
}

/** The adapter with its defaults. */
const adapter: WintunAdapter = wintunAdapter()
export default adapter

function load(options: WintunOptions): Wintun {
  const found = locateDll(options.dll)
  if (!found.available) throw new WireGuardError('NOT_SUPPORTED', `${found.reason}. ${found.remedy}`)
  const trust: Trust = options.allowUnsigned === true ? 'unverified' : { signer: SIGNER }
  try {
    return loadWintun(found.file, trust)
  } catch (error) {
    throw loadFailure(error)
  }
}

function checkedMtu(mtu = DEFAULT_MTU): number {
  if (Number.isInteger(mtu) && mtu >= MIN_MTU && mtu <= MAX_MTU) return mtu
  throw new WireGuardError('CONFIG_INVALID', `${mtu} cannot be an MTU: Windows takes ${MIN_MTU} to ${MAX_MTU}`)
}

const MAX_NUMBER = 255

/** The name itself, or with the first number that is free in place of `%d`. */
function checkedName(name: string, helper: IpHelper): string {
  const isNumbered = name.endsWith('%d')
  const stem = isNumbered ? name.slice(0, -2) : name
  const longest = isNumbered ? `${stem}00` : stem
  if (!NAME.test(longest) || !isWindowsName(longest)) {
    const rule = `1 to 32 characters of a-z A-Z 0-9 _ = + . -, ${WINDOWS_NAME_RULE}`
    throw new WireGuardError('NAME_INVALID', `${JSON.stringify(name)} cannot be the name of an adapter: use ${rule}`)
  }
  if (!isNumbered) return name
  for (let number = 0; number <= MAX_NUMBER; number++) {
    const candidate = `${stem}${number}`
    if (isWindowsName(candidate) && !helper.isNameTaken(candidate)) return candidate
  }
  throw new WireGuardError('NAME_IN_USE', `${stem}0 to ${stem}${MAX_NUMBER} are all in use: choose another name`)
}
