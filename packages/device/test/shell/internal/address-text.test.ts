import * as os from 'node:os'
import { afterEach, expect, test, vi } from 'vitest'
import { ENDPOINT_BYTES, readEndpoint } from '../../../src/core/endpoint.js'
import { addressText, writeAddressText } from '../../../src/shell/internal/address-text.js'

vi.mock('node:os', { spy: true })
const entry = {
  family: 'IPv6',
  scopeid: 7,
  address: 'fe80::7',
  netmask: '',
  mac: '',
  internal: false,
  cidr: null,
} as const
const interfaces = vi.mocked(os.networkInterfaces).mockReturnValue({ eth7: [entry] })

afterEach(() => vi.useRealTimers())

test('zones go both ways, and however many datagrams name one, interfaces are looked at once a second', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  const record = new Uint8Array(ENDPOINT_BYTES)
  for (let i = 0; i < 1000; i++) writeAddressText(record, 0, `fe80::${i.toString(16)}%eth7`)
  expect(readEndpoint(record, 0)?.scopeId).toBe(7)
  expect(addressText(record, 0)).toBe('fe80::3e7%eth7')
  expect(interfaces).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(1000)
  interfaces.mockReturnValue({ eth8: [{ ...entry, scopeid: 8 }] })
  expect(addressText(record, 0)).toBe('fe80::3e7%7')
  writeAddressText(record, 0, 'fe80::1%eth7')
  expect(readEndpoint(record, 0)?.scopeId).toBeUndefined()
})
