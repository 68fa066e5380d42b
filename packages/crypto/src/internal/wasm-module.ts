/** From base64 to an instance. Synchronous: the modules are small, and an engine should not need a promise to exist. */

/** The import that asc writes for a shared memory: kind (memory), flags (shared, has a maximum), 1 page, 65536 pages. */
const SHARED_MEMORY_IMPORT = [2, 3, 1, 0x80, 0x80, 4]
/** The same number of bytes for a memory that is not shared, of any size: no maximum, 1 page in a longer spelling. */
const UNSHARED_MEMORY_IMPORT = [2, 0, 0x81, 0x80, 0x80, 0]

/** The bytes of a module. A plain loop: `Uint8Array.from` takes 4 ms for what is not compiled yet, and this runs at start. */
function decodeModule(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

/** Whether this runtime can compile the module: `false` when it lacks WebAssembly, or an instruction used. */
export function isCompilable(base64: string): boolean {
  return typeof WebAssembly === 'object' && WebAssembly.validate(decodeModule(base64))
}

/** An instance of a module that imports nothing. */
export function instantiate(base64: string): WebAssembly.Exports {
  return new WebAssembly.Instance(new WebAssembly.Module(decodeModule(base64))).exports
}

/**
 * An instance over the caller's memory. A module says in its import whether that is shared, so the import follows it.
 * `base` is for modules that ask where their part of it begins.
 */
export function instantiateOver(base64: string, memory: WebAssembly.Memory, base = 0): WebAssembly.Exports {
  const bytes = decodeModule(base64)
  if (!isShared(memory.buffer)) bytes.set(UNSHARED_MEMORY_IMPORT, findMemoryImport(bytes))
  return new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory, base } }).exports
}

/** By tag and not by class, so that a memory of another realm is recognised. */
function isShared(buffer: ArrayBufferLike): boolean {
  return buffer[Symbol.toStringTag] === 'SharedArrayBuffer'
}

/** The import section is near the start; its one entry ends with these bytes. */
function findMemoryImport(bytes: Uint8Array): number {
  const at = bytes.findIndex((_, start) => SHARED_MEMORY_IMPORT.every((byte, i) => bytes[start + i] === byte))
  if (at < 0) throw new Error('the module imports no shared memory')
  return at
}
