import { describe, expect, expectTypeOf, it } from 'vitest'
import { check, EBADF, errno, errnoName, SystemError } from '../src/errno.js'
import { bind, LibraryError } from '../src/library.js'
import { addressOf, NativeMemory, writePointer } from '../src/memory.js'

const linux = process.platform === 'linux'

describe.skipIf(!linux)('a table of C functions', () => {
  it('becomes functions with numbers, strings, addresses and views', () => {
    const libc = bind(null, {
      getpid: ['getpid', 'int', []],
      length: ['strlen', 'size_t', ['str']],
      copy: ['memcpy', 'void *', ['void *', 'uintptr_t', 'size_t']],
    })
    expect(libc.getpid()).toBe(process.pid)
    expect(libc.length('wireweave')).toBe(9)
    const from = new NativeMemory(8)
    const to = new Uint8Array(8)
    from.bytes.set([1, 2, 3])
    libc.copy(to, from.address, 3)
    expect([...to]).toEqual([1, 2, 3, 0, 0, 0, 0, 0])
  })

  it('is typed by its signatures', () => {
    const libc = bind(null, { getpid: ['getpid', 'int', []], length: ['strlen', 'size_t', ['str']] })
    expectTypeOf(libc.getpid).toEqualTypeOf<() => number>()
    expectTypeOf(libc.length).toEqualTypeOf<(text: string | null) => number>()
  })

  it('says which library or function is missing', () => {
    expect(() => bind('/no/such/library.so', {})).toThrow(LibraryError)
    expect(() => bind('/no/such/library.so', {})).toThrow('cannot load /no/such/library.so')
    const table = { nothing: ['wireweave_no_such_function', 'int', []] } as const
    expect(() => bind(null, table)).toThrow('the process has no function wireweave_no_such_function')
  })
})

describe.skipIf(!linux)('a call that fails', () => {
  const libc = bind(null, { close: ['close', 'int', ['int']] })

  it('leaves its errno', () => {
    expect(libc.close(-1)).toBe(-1)
    expect(errno()).toBe(EBADF)
  })

  it('becomes an error like those of Node', () => {
    expect(() => check(libc.close(-1), 'close')).toThrow(
      expect.objectContaining({
        name: 'SystemError',
        message: 'close: EBADF',
        code: 'EBADF',
        errno: EBADF,
        syscall: 'close',
      }),
    )
    expect(check(3, 'close')).toBe(3)
    expect(new SystemError('ioctl', 77).code).toBe('EBADFD')
  })

  it('has a name for each errno, also for those Node lacks', () => {
    expect([1, 11, 19, 77, 95, 126].map(errnoName)).toEqual([
      'EPERM',
      'EAGAIN',
      'ENODEV',
      'EBADFD',
      'EOPNOTSUPP',
      'ENOKEY',
    ])
    expect(errnoName(4711)).toBe('errno 4711')
  })
})

describe('the address of memory', () => {
  it('counts the offset of a view', () => {
    const bytes = new Uint8Array(1000)
    expect(addressOf(bytes.subarray(10))).toBe(addressOf(bytes) + 10)
    expect(Number.isSafeInteger(addressOf(bytes))).toBe(true)
  })

  it('is the same at each asking, also of an array small enough to live on the heap', () => {
    const small = new Uint8Array(4)
    const address = addressOf(small)
    for (let i = 0; i < 50; i++) new Uint8Array(1 << 20).fill(1)
    globalThis.gc?.()
    expect(addressOf(small)).toBe(address)
    expect(addressOf(new Uint8Array(small.buffer))).toBe(address)
  })

  it.skipIf(!linux)('is where C code reads and writes, in plain, shared and WebAssembly memory', () => {
    const libc = bind(null, { fill: ['memset', 'void *', ['uintptr_t', 'int', 'size_t']] })
    const wasm = new WebAssembly.Memory({ initial: 1, maximum: 1 })
    const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true })
    for (const buffer of [new ArrayBuffer(64), new SharedArrayBuffer(64), wasm.buffer, shared.buffer]) {
      const bytes = new Uint8Array(buffer)
      libc.fill(addressOf(bytes.subarray(3)), 7, 2)
      expect([...bytes.subarray(0, 8)]).toEqual([0, 0, 0, 7, 7, 0, 0, 0])
    }
  })

  it('does not exist for an empty or detached buffer', () => {
    expect(() => addressOf(new Uint8Array(0))).toThrow(RangeError)
    const moved = new Uint8Array(8)
    structuredClone(moved, { transfer: [moved.buffer] })
    expect(() => addressOf(moved)).toThrow(RangeError)
  })

  it('is written as a 64-bit pointer', () => {
    const view = new DataView(new ArrayBuffer(16))
    for (const address of [0, 1, 0xffff_ffff, 0x1_0000_0000, 0x7fff_1234_5678, Number.MAX_SAFE_INTEGER]) {
      writePointer(view, 8, address)
      expect(view.getBigUint64(8, true)).toBe(BigInt(address))
    }
  })
})
