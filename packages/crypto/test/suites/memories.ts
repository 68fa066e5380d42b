/** The memories an engine may get: as the arena makes them, private and shared, and one without WebAssembly. */
type Memory = { readonly buffer: ArrayBufferLike }

const PAGES = 4

export const plainMemory = (): Memory => new WebAssembly.Memory({ initial: PAGES, maximum: PAGES })
export const sharedMemory = (): Memory => new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true })
export const arrayMemory = (): Memory => ({ buffer: new ArrayBuffer(PAGES * 65_536) })
