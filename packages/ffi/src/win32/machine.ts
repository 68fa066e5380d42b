/** For which processor a program or DLL was made, read from its file: loading it would run it. */
import { closeSync, openSync, readSync } from 'node:fs'

const MACHINES: Readonly<Record<number, string>> = { 0x014c: 'ia32', 0x8664: 'x64', 0xaa64: 'arm64', 0x01c4: 'arm' }
const PE_OFFSET = 0x3c
const MOST_BYTES = 4096

/** As `process.arch` names it; `null` when the bytes are no beginning of such a file. */
export function machineOf(bytes: Uint8Array): string | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < PE_OFFSET + 4 || view.getUint16(0) !== 0x4d5a) return null
  const header = view.getUint32(PE_OFFSET, true)
  if (header + 6 > bytes.length || view.getUint32(header) !== 0x50450000) return null
  return MACHINES[view.getUint16(header + 4, true)] ?? null
}

/** Throws what `fs` throws when the file cannot be read. */
export function machineOfFile(path: string): string | null {
  const fd = openSync(path, 'r')
  try {
    const bytes = new Uint8Array(MOST_BYTES)
    return machineOf(bytes.subarray(0, readSync(fd, bytes, 0, MOST_BYTES, 0)))
  } finally {
    closeSync(fd)
  }
}
