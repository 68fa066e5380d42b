import { isElevated } from '@wireweave/ffi/win32/elevation'
import { machineOfFile } from '@wireweave/ffi/win32/machine'
import { readRegistryDword, readRegistryString } from '@wireweave/ffi/win32/registry'
import { expect, test } from 'vitest'
import { native } from './native.js'

test('the registry is read below HKEY_LOCAL_MACHINE', () => {
  const windows = 'SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion'
  expect(readRegistryString(windows, 'CurrentBuild')).toMatch(/^\d+$/)
  expect(readRegistryString('SOFTWARE\\Microsoft\\Cryptography', 'MachineGuid')).toMatch(/^[0-9a-f-]{36}$/)
  expect(readRegistryDword('SYSTEM\\CurrentControlSet\\Control\\Windows', 'CSDVersion')).not.toBeNaN()
  expect(readRegistryString(windows, 'no such value')).toBeNull()
  expect(readRegistryDword(windows, 'CurrentBuild')).toBeNull()
})

test('the process knows whether it is elevated; under Wine it is', () => {
  expect(isElevated()).toBe(true)
})

test('the processor of a DLL is read from its header', () => {
  expect(machineOfFile(native('threads.dll'))).toBe('x64')
  expect(machineOfFile(native('wrong-architecture.dll'))).toBe('ia32')
  expect(machineOfFile(process.argv[1]!)).toBeNull()
})
