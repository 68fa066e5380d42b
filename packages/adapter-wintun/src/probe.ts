/** Would opening an adapter work here, now? Nothing is loaded: loading the DLL already changes the machine. */
import { existsSync } from 'node:fs'
import { isElevated } from '@wireweave/ffi/win32/elevation'
import { dllFolders, findDll } from '@wireweave/ffi/win32/library'
import { machineOfFile } from '@wireweave/ffi/win32/machine'
import type { Availability } from '@wireweave/tunnel/backend'
import { downloadRemedy } from './failure.js'

const DLL = 'wintun.dll'

interface Place {
  readonly platform: string
  readonly arch: string
}

export function probe(path: string | undefined, place: Place = process): Availability {
  const found = locateDll(path, place)
  if (!found.available) return found
  if (!isElevated()) return unavailable('the process is not elevated', 'run as administrator or as SYSTEM')
  return { available: true }
}

/** The DLL that this process could load, or why there is none. */
export function locateDll(
  path: string | undefined,
  { platform, arch }: Place = process,
): Exclude<Availability, { available: true }> | { readonly available: true; readonly file: string } {
  if (platform !== 'win32') {
    return unavailable(`this is ${platform}: Wintun is for Windows only`, 'use the adapter of this platform')
  }
  if (arch === 'ia32') return unavailable('this is a node.exe for 32 bits', 'install the one for x64')
  const file = path ?? findDll(DLL)
  if (file === null) return unavailable(`${DLL} is neither in ${dllFolders().join(' nor in ')}`, downloadRemedy())
  if (!existsSync(file)) return unavailable(`there is no ${file}`, downloadRemedy())
  const machine = machineOfFile(file)
  if (machine === arch) return { available: true, file }
  return unavailable(`${file} is for ${machine ?? 'no processor'}, node.exe for ${arch}`, downloadRemedy())
}

function unavailable(reason: string, remedy: string): Exclude<Availability, { available: true }> {
  return { available: false, reason, remedy: `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}.` }
}
