/** WireGuardNT adapters that are there already, whoever made them, for whoever shows and configures them. */
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from '@wireweave/tunnel/config'
import { WgntAdapter } from './adapter.js'
import { availability, wgntLibrary } from './library.js'
import type { WgntOptions } from './library.js'
import { WgntTunnel } from './tunnel.js'

/** An adapter of somebody else, open to be read and configured. */
export interface RunningAdapter {
  /** Of one moment. The secrets are the caller's to wipe. */
  read(): Promise<{ readonly snapshot: DeviceSnapshot; readonly secrets: DeviceSecrets }>
  /** All or nothing. */
  apply(update: DeviceUpdate): Promise<void>
  /** Leaves the adapter as it is: it belongs to whoever made it. */
  close(): Promise<void>
}

/** `null` when there is none of that name, or none can be reached from here. Rejects with a `WireGuardError`. */
export async function openRunningAdapter(name: string, options: WgntOptions = {}): Promise<RunningAdapter | null> {
  if (!availability(options).available) return null
  const library = wgntLibrary(options)
  const { result: handle } = await library.dll.slow.openAdapter(name)
  if (handle === 0) return null
  const adapter = await WgntAdapter.of(library, name, handle)
  const version = await library.dll.slow.driverVersion()
  return new WgntTunnel(adapter, version.result, () => {})
}
