/** The functions of wintun.dll, 0.14, and what else of Windows the adapter calls. */
import { lastError } from '@wireweave/ffi/errno'
import { DllLogger } from '@wireweave/ffi/win32/dll-logger'
import { type Dll, loadDll, type Trust } from '@wireweave/ffi/win32/library'
import { systemDll } from '@wireweave/ffi/win32/system'

/** Short, and called for packets. Handles and packets are addresses. */
const CALLS = {
  luid: ['WintunGetAdapterLUID', 'void', ['uintptr_t', 'void *']],
  driverVersion: ['WintunGetRunningDriverVersion', 'uint32_t', []],
  setLogger: ['WintunSetLogger', 'void', ['void *']],
  readWaitEvent: ['WintunGetReadWaitEvent', 'uintptr_t', ['uintptr_t']],
  receive: ['WintunReceivePacket', 'uintptr_t', ['uintptr_t', 'uintptr_t']],
  release: ['WintunReleaseReceivePacket', 'void', ['uintptr_t', 'uintptr_t']],
  allocate: ['WintunAllocateSendPacket', 'uintptr_t', ['uintptr_t', 'uint32_t']],
  send: ['WintunSendPacket', 'void', ['uintptr_t', 'uintptr_t']],
} as const

/** These install drivers, wait for devices and log while they do. */
const SLOW_CALLS = {
  create: ['WintunCreateAdapter', 'uintptr_t', ['str16', 'str16', 'void *']],
  open: ['WintunOpenAdapter', 'uintptr_t', ['str16']],
  close: ['WintunCloseAdapter', 'void', ['uintptr_t']],
  start: ['WintunStartSession', 'uintptr_t', ['uintptr_t', 'uint32_t']],
  end: ['WintunEndSession', 'void', ['uintptr_t']],
} as const

export const MIN_RING_BYTES = 0x2_0000
export const MAX_RING_BYTES = 0x400_0000
export const MAX_PACKET_BYTES = 0xffff

export interface Wintun extends Dll<typeof CALLS, typeof SLOW_CALLS> {
  readonly logger: DllLogger
  /** Of the last call on this thread. */
  lastError(): number
  /** From one address to another. */
  copy(to: number, from: number, length: number): void
}

/** With vectors: under Wine a packet of 1420 bytes takes a fifth of the time that RtlMoveMemory takes. */
const crt = systemDll('ucrtbase.dll', { copy: ['memmove', 'void', ['uintptr_t', 'uintptr_t', 'size_t']] })
const kernel32 = systemDll('kernel32.dll', {
  copy: ['RtlMoveMemory', 'void', ['uintptr_t', 'uintptr_t', 'size_t']],
})

const loaded = new Map<string, Wintun>()

/** Loads the DLL at its first call for this path; what was loaded unchecked is checked when it is to be. Throws a `DllError`. */
export function loadWintun(path: string, trust: Trust): Wintun {
  const key = JSON.stringify([path, trust])
  let wintun = loaded.get(key)
  if (wintun === undefined) {
    const dll = loadDll(path, trust, CALLS, SLOW_CALLS)
    const logger = new DllLogger((callback) => dll.call.setLogger(callback))
    wintun = { ...dll, logger, lastError, copy: (crt.has('copy') ? crt : kernel32).call.copy }
    loaded.set(key, wintun)
  }
  return wintun
}
