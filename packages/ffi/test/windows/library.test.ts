import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { lastError } from '@wireweave/ffi/errno'
import { LibraryError } from '@wireweave/ffi/library'
import { ERROR_ALREADY_EXISTS, ERROR_HANDLE_EOF, win32Name, win32Text } from '@wireweave/ffi/win32/codes'
import { dllFolders, DllError, findDll, loadDll } from '@wireweave/ffi/win32/library'
import { systemDll, systemFolder } from '@wireweave/ffi/win32/system'
import { fromWide, wide } from '@wireweave/ffi/win32/wide'
import { bind } from '@wireweave/ffi/library'
import { describe, expect, test } from 'vitest'
import { WINTRUST_DATA, WINTRUST_FILE_INFO } from '../../src/win32/layout.js'
import { native, THREADS, THREADS_SLOW } from './native.js'

describe('a system library', () => {
  test('comes from the system folder, whatever the environment says', () => {
    process.env['SystemRoot'] = 'C:\\elsewhere'
    expect(systemFolder().toLowerCase()).toBe('c:\\windows\\system32')
    const kernel32 = systemDll('kernel32.dll', { pid: ['GetCurrentProcessId', 'uint32_t', []] })
    expect(kernel32.path.toLowerCase()).toBe('c:\\windows\\system32\\kernel32.dll')
    expect(kernel32.call.pid()).toBe(process.pid)
  })

  test('is asked for a function only when that is called', () => {
    const dll = systemDll('kernel32.dll', {
      pid: ['GetCurrentProcessId', 'uint32_t', []],
      none: ['NoSuchFunction', 'void', []],
    })
    expect(dll.call.pid()).toBe(process.pid)
    expect(dll.has('pid')).toBe(true)
    expect(dll.has('none')).toBe(false)
    expect(() => dll.call.none()).toThrow(LibraryError)
  })
})

describe('a DLL of somebody else', () => {
  test('is loaded by absolute path only', () => {
    for (const file of ['threads.dll', '.\\threads.dll', '\\threads.dll', 'C:threads.dll'])
      expect(() => loadDll(file, 'unverified', {}, {})).toThrow(TypeError)
  })

  test('is looked for beside node.exe and in the system folder, and nowhere else', () => {
    expect(dllFolders()).toEqual([path.win32.dirname(process.execPath), systemFolder()])
    expect(findDll('KERNEL32.dll')?.toLowerCase()).toBe('c:\\windows\\system32\\kernel32.dll')
    expect(findDll('no-such.dll')).toBeNull()
  })

  test.each([
    ['that is not there', native('no-such.dll'), 126, /no-such\.dll \(ERROR_MOD_NOT_FOUND\).*is not there/],
    ['for another processor', native('wrong-architecture.dll'), 193, /another processor.*folder amd64/],
  ])('%s is refused with the file, the cause and a remedy', (_what, file, code, message) => {
    const error = caught(() => loadDll(file, 'unverified', {}, {}))
    expect(error).toMatchObject({ code, library: file })
    expect(error.message).toMatch(message)
  })

  test('is not loaded where pointers have 4 bytes', () => {
    const { arch } = process
    Object.defineProperty(process, 'arch', { value: 'ia32' })
    try {
      expect(caught(() => loadDll(native('threads.dll'), 'unverified', {}, {})).message).toMatch(/x64 or arm64.*ia32/)
    } finally {
      Object.defineProperty(process, 'arch', { value: arch })
    }
  })

  test('that lacks a function is refused by its name', () => {
    const error = caught(() => loadDll(native('threads.dll'), 'unverified', { gone: ['Gone', 'void', []] }, {}))
    expect(error).toMatchObject({ code: 127 })
    expect(error.message).toMatch(/threads\.dll has no function Gone/)
  })

  test('without a signature is refused unless the caller says otherwise', () => {
    const error = caught(() => loadDll(native('threads.dll'), { signer: 'WireGuard LLC' }, {}, {}))
    expect(error.code).toBeNull()
    expect(error.message).toMatch(/threads\.dll is not loaded: it is not signed; take the file/)
    loadDll(native('threads.dll'), 'unverified', {}, {})
  })

  test('is loaded from where it really lies, not by the way that led there', () => {
    const file = native('threads.dll')
    const winding = path.win32
      .join(path.win32.dirname(file), '.', '..')
      .concat('\\', path.win32.basename(path.win32.dirname(file)))
    const { path: place } = loadDll(`${winding.replaceAll('\\', '/')}/./THREADS.dll`, 'unverified', {}, {})
    expect(place).toBe(loadDll(file, 'unverified', {}, {}).path)
    expect(place).toMatch(/^[A-Z]:\\[^/]*\\threads\.dll$/)
  })

  test('gets what it needs from the system folder, and never what lies beside it', () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'planted-'))
    copyFileSync(native('threads.dll'), path.join(folder, 'planta.dll'))
    const bytes = readFileSync(native('threads.dll'))
    expect(bytes.write('planta.dll', bytes.indexOf('msvcrt.dll'))).toBe('msvcrt.dll'.length)
    const file = path.join(folder, 'needy.dll')
    writeFileSync(file, bytes)
    expect(caught(() => loadDll(file, 'unverified', {}, {}))).toMatchObject({ code: 126 })
    try {
      rmSync(folder, { recursive: true })
    } catch {
      // Wine keeps a DLL open that it could not load.
    }
  })
})

describe('an error code', () => {
  test('of a call on this thread is there until the next call, whatever JavaScript does meanwhile', () => {
    const { call } = loadDll(native('threads.dll'), 'unverified', THREADS, {})
    call.failWith(ERROR_ALREADY_EXISTS, 0)
    JSON.parse(JSON.stringify(Array.from({ length: 10_000 }, (_, i) => ({ i }))))
    expect(lastError()).toBe(ERROR_ALREADY_EXISTS)
  })

  test('of a call on another thread comes with its result', async () => {
    const { call, slow } = loadDll(native('threads.dll'), 'unverified', THREADS, THREADS_SLOW)
    const outcomes = Promise.all([slow.failWith(ERROR_HANDLE_EOF, 30), slow.failWith(ERROR_ALREADY_EXISTS, 10)])
    call.failWith(5, 0)
    expect(await outcomes).toEqual([
      { result: 0, lastError: ERROR_HANDLE_EOF },
      { result: 0, lastError: ERROR_ALREADY_EXISTS },
    ])
  })

  test('has a name and the text of the system', () => {
    expect(win32Name(5)).toBe('ERROR_ACCESS_DENIED')
    expect(win32Name(4711)).toBe('Windows error 4711')
    expect(win32Text(5)).toMatch(/^ERROR_ACCESS_DENIED \(5\): \w+/)
    expect(win32Text(0x7fff_ffff)).toBe('Windows error 2147483647')
  })
})

test('wide strings go both ways, and none with a NUL in it', () => {
  expect([...wide('a€')]).toEqual([0x61, 0, 0xac, 0x20, 0, 0])
  expect(fromWide(wide('tunnel 𝄞'))).toBe('tunnel 𝄞')
  expect(fromWide(Uint8Array.of(0x61, 0))).toBe('a')
  expect(() => wide('a\0b')).toThrow(RangeError)
})

test('the structs are laid out as the compiler does it', () => {
  const { layout } = bind(native('ffi-abi.dll'), { layout: ['AbiLayout', 'str', []] })
  const real = JSON.parse(layout()!) as Record<string, number>
  const ours = Object.entries({ WINTRUST_FILE_INFO, WINTRUST_DATA }).flatMap(([name, fields]) =>
    Object.entries(fields).map(([field, offset]) => [`${name}.${field === 'pFile' ? 'pFile' : field}`, offset]),
  )
  expect({ ...Object.fromEntries(ours), pointer: 8 }).toEqual(real)
})

function caught(action: () => void): DllError {
  try {
    action()
  } catch (error) {
    if (error instanceof DllError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
