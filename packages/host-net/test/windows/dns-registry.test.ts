/** Wine's iphlpapi has no SetInterfaceDnsSettings, as Windows before 1809: the registry is written instead. */
import { readRegistryDword } from '@wireweave/ffi/win32/registry'
import { systemDll } from '@wireweave/ffi/win32/system'
import { fromWide } from '@wireweave/ffi/win32/wide'
import { parseIp } from '@wireweave/tunnel/ip'
import { expect, test } from 'vitest'
import { dnsRegistryKey } from '../../src/win32/dns.js'
import { Machine } from '../../src/win32/machine.js'

const HKEY_LOCAL_MACHINE = 0x8000_0002
const RRF_RT_REG_SZ = 2

const { getValue } = systemDll('advapi32.dll', {
  getValue: ['RegGetValueW', 'uint32_t', ['uintptr_t', 'str16', 'str16', 'uint32_t', 'void *', 'void *', 'void *']],
}).call

function read(key: string, name: string): string | number {
  const text = new Uint8Array(256)
  const code = getValue(HKEY_LOCAL_MACHINE, key, name, RRF_RT_REG_SZ, null, text, Uint8Array.of(0, 1, 0, 0))
  return code === 0 ? fromWide(text) : code
}

const guid = Uint8Array.from([
  0x07, 0x43, 0xc5, 0x94, 0x33, 0xb5, 0x79, 0xbb, 0xa5, 0x83, 0x06, 0x24, 0x92, 0x19, 0x96, 0x92,
])

test('servers and domains of each family are where the resolver looks', () => {
  const machine = new Machine()
  const key4 = dnsRegistryKey(guid, 4)
  expect(key4).toBe(
    'SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters\\Interfaces\\{94C54307-B533-BB79-A583-062492199692}',
  )
  const servers = ['10.0.0.1', '10.0.0.2'].map((text) => parseIp(text)!)
  expect(machine.setDns(guid, 4, servers, ['example.com', 'corp'])).toBe(0)
  expect(machine.setDns(guid, 6, [parseIp('fd00::1')!], [])).toBe(0)
  expect([read(key4, 'NameServer'), read(key4, 'SearchList')]).toEqual(['10.0.0.1,10.0.0.2', 'example.com,corp'])
  expect(read(dnsRegistryKey(guid, 6), 'NameServer')).toBe('fd00::1')
  expect(machine.setDns(guid, 4, [], [])).toBe(0)
  expect([read(key4, 'NameServer'), read(key4, 'SearchList')]).toEqual(['', ''])
})

test('a switch that is not set, or is no number, is none', () => {
  expect(readRegistryDword('Software\\Nobody', 'Nothing')).toBeNull()
  expect(readRegistryDword(dnsRegistryKey(guid, 4), 'NameServer')).toBeNull()
})
