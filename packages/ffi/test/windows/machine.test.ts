import { dllArchitecture } from '@wireweave/ffi/win32/library'
import { isElevated } from '@wireweave/ffi/win32/elevation'
import { registryNumber, registryString } from '@wireweave/ffi/win32/registry'
import { expect, test } from 'vitest'
import { native } from './native.js'

test('the registry is read below HKEY_LOCAL_MACHINE', () => {
  const windows = 'SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion'
  expect(registryString(windows, 'CurrentBuild')).toMatch(/^\d+$/)
  expect(registryString('SOFTWARE\\Microsoft\\Cryptography', 'MachineGuid')).toMatch(/^[0-9a-f-]{36}$/)
  expect(registryNumber('SYSTEM\\CurrentControlSet\\Control\\Windows', 'CSDVersion')).not.toBeNaN()
  expect(registryString(windows, 'no such value')).toBeNull()
  expect(registryNumber(windows, 'CurrentBuild')).toBeNull()
})

test('the process knows whether it is elevated; under Wine it is', () => {
  expect(isElevated()).toBe(true)
})

test('the processor of a DLL is read from its header', () => {
  expect(dllArchitecture(native('threads.dll'))).toBe('x64')
  expect(dllArchitecture(native('wrong-architecture.dll'))).toBe('ia32')
  expect(dllArchitecture(process.argv[1]!)).toBeNull()
})
