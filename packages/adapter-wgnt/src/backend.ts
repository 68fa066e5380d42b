/** WireGuardNT as a backend: an adapter for each tunnel, configured through wireguard.dll. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ERROR_NOT_FOUND, ERROR_SUCCESS } from '@wireweave/ffi/win32/codes'
import type { DllLogLine } from '@wireweave/ffi/win32/dll-logger'
import { changeIpInterface, MIB_IPINTERFACE_ROW } from '@wireweave/ffi/win32/ip-interface'
import { AF_INET, AF_INET6 } from '@wireweave/ffi/win32/sockaddr'
import type { InterfaceOptions, Tunnel, TunnelBackend } from '@wireweave/tunnel/backend'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { LOG_ON_WITH_PREFIX } from './abi.js'
import { WgntAdapter } from './adapter.js'
import { callFailure, creationFailure, isTransient } from './failure.js'
import { fixedGuid } from './guid.js'
import { availability, wgntLibrary } from './library.js'
import type { WgntLibrary, WgntOptions } from './library.js'
import { chooseName } from './name.js'
import { WgntTunnel } from './tunnel.js'

export type { WgntOptions }

export const WGNT_NAME = 'wgnt'
/** Becomes "WireGuard Tunnel" in Windows' list of devices. */
const TUNNEL_TYPE = 'WireGuard'
/** What the driver itself sets. */
const DEFAULT_MTU = 1420
const CREATE_TRIES = 3
const CREATE_PAUSE_MS = 500
/** TCP/IP binds to a new adapter within moments, or never when the family is switched off. */
const BINDING_MS = 5_000
const BINDING_LOOK_MS = 20

/** A backend whose data plane is Windows' kernel; needs wireguard.dll 0.10 or later and an elevated process. */
export function wgntBackend(options: WgntOptions = {}): TunnelBackend {
  return {
    ...{ name: WGNT_NAME, dataPlane: 'kernel', reach: 'host' },
    probe: async () => availability(options),
    open: (wanted) => open(wanted, options),
  }
}

/** Nothing can stop the driver while it installs: an abort is answered at once, and the adapter removed when it is there. */
function open(wanted: InterfaceOptions, options: WgntOptions): Promise<Tunnel> {
  const { signal, name } = wanted
  const opening = openAdapter(wanted, options)
  if (signal === undefined) return opening
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(new WireGuardError('ABORTED', `opening ${name} was aborted`, { cause: signal.reason }))
      opening.then(
        (tunnel) => tunnel.close(),
        () => {},
      )
    }
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    opening.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}

async function openAdapter(
  { name: asked, mtu = DEFAULT_MTU, onEvent, signal }: InterfaceOptions,
  options: WgntOptions,
): Promise<Tunnel> {
  throwIfAborted(asked, signal)
  const library = wgntLibrary(options)
  const name = await chooseName(asked, (candidate) => reserve(library, candidate))
  try {
    const adapter = await createAdapter(library, name, signal)
    try {
      if (mtu !== DEFAULT_MTU) await setMtu(adapter, mtu, signal)
      const version = await library.dll.slow.driverVersion()
      const stopListening = onEvent === undefined ? () => {} : await startLogging(adapter, onEvent)
      return new WgntTunnel(adapter, version.result, stopListening)
    } catch (error) {
      await adapter.close()
      throw error
    }
  } finally {
    library.reserved.delete(name.toLowerCase())
  }
}

/** Creating an adapter by the name of another interface would rename that one. */
async function reserve(library: WgntLibrary, name: string): Promise<boolean> {
  const key = name.toLowerCase()
  if (library.reserved.has(key)) return false
  library.reserved.add(key)
  let isFree = false
  try {
    isFree = library.iphlpapi.conversions.aliasToLuid(name, new Uint8Array(8)) !== ERROR_SUCCESS
    const opened = isFree ? await library.dll.slow.openAdapter(name) : null
    if (opened !== null && opened.result !== 0) {
      isFree = false
      await library.dll.slow.closeAdapter(opened.result)
    }
    return isFree
  } finally {
    if (!isFree) library.reserved.delete(key)
  }
}

async function createAdapter(
  library: WgntLibrary,
  name: string,
  signal: AbortSignal | undefined,
): Promise<WgntAdapter> {
  const lines: DllLogLine[] = []
  const stop = library.logger.listen((line) => lines.push(line))
  try {
    for (let left = CREATE_TRIES; ; left--) {
      throwIfAborted(name, signal)
      const { result: handle, lastError } = await library.dll.slow.createAdapter(name, TUNNEL_TYPE, fixedGuid(name))
      if (handle !== 0) return await WgntAdapter.of(library, name, handle)
      if (left === 1 || !isTransient(lastError)) throw creationFailure(name, lastError, lines)
      await sleep(CREATE_PAUSE_MS)
    }
  } finally {
    stop()
  }
}

async function startLogging(
  adapter: WgntAdapter,
  onEvent: NonNullable<InterfaceOptions['onEvent']>,
): Promise<() => void> {
  const stop = adapter.library.listenTo(adapter.index, ({ level, message }) =>
    onEvent({ tag: 'log', level: level === 'info' ? 'verbose' : 'error', message }),
  )
  const { result, lastError } = await adapter.library.dll.slow.setAdapterLogging(adapter.handle, LOG_ON_WITH_PREFIX)
  if (result !== 0) return stop
  stop()
  throw callFailure(`logging of ${adapter.name}`, lastError)
}

/** Of each family that is there. A machine has at least one. */
async function setMtu(
  { name, luid, library }: WgntAdapter,
  mtu: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const end = performance.now() + BINDING_MS
  const waiting = new Set([AF_INET, AF_INET6])
  for (;;) {
    for (const family of waiting) {
      const least = family === AF_INET ? 576 : 1280
      const code = changeIpInterface(library.iphlpapi.ipInterfaces, luid, family, (row) =>
        row.setUint32(MIB_IPINTERFACE_ROW.nlMtu, Math.max(mtu, least), true),
      )
      if (code === ERROR_SUCCESS) waiting.delete(family)
      else if (code !== ERROR_NOT_FOUND) throw callFailure(`setting the MTU of ${name}`, code)
    }
    if (waiting.size === 0 || (waiting.size === 1 && performance.now() > end - BINDING_MS / 2)) return
    if (performance.now() > end) throw callFailure(`setting the MTU of ${name}`, ERROR_NOT_FOUND)
    throwIfAborted(name, signal)
    await sleep(BINDING_LOOK_MS)
  }
}

function throwIfAborted(name: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new WireGuardError('ABORTED', `opening ${name} was aborted`, { cause: signal.reason })
  }
}
