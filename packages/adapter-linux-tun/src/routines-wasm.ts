/** {@link Routines} in WebAssembly SIMD, compiled from assembly/offload.ts. */
import type { Arena } from '@wireweave/tunnel/packets'
import { plainCode, sharedCode } from './internal/wasm-bytes.js'
import { javascriptRoutines } from './routines-js.js'
import type { Routines } from './routines.js'

/** The fastest routines that work here. */
export function loadRoutines(arena: Arena): Routines {
  return (arena.memory === null ? null : wasmRoutines(arena.memory)) ?? javascriptRoutines(arena.bytes)
}

/** `null` where WebAssembly SIMD is missing. */
export function wasmRoutines(memory: NonNullable<Arena['memory']>): Routines | null {
  const isShared = typeof SharedArrayBuffer !== 'undefined' && memory.buffer instanceof SharedArrayBuffer
  try {
    const module = new WebAssembly.Module(Buffer.from(isShared ? sharedCode : plainCode, 'base64'))
    const { exports } = new WebAssembly.Instance(module, { env: { memory: memory as WebAssembly.Memory } })
    return { name: 'wasm', ...(exports as unknown as Omit<Routines, 'name'>) }
  } catch (error) {
    if (error instanceof WebAssembly.CompileError) return null
    throw error
  }
}
