/** What needs no Windows. */
import { describe, expect, test } from 'vitest'
import { wintunAdapter } from '../src/adapter.js'
import { adapterGuid } from '../src/guid.js'
import { BATCH_SIZE, MIN_REGION_BYTES, regionBytes, slotBytes } from '../src/layout.js'
import { probe } from '../src/probe.js'

describe('a GUID', () => {
  test('is the same for a name on one machine, and another for any other name or machine', () => {
    const guid = adapterGuid('wg0', 'machine')
    expect(guid).toHaveLength(16)
    expect(adapterGuid('wg0', 'machine')).toEqual(guid)
    expect(adapterGuid('wg1', 'machine')).not.toEqual(guid)
    expect(adapterGuid('wg0', 'another machine')).not.toEqual(guid)
    // Lengths are part of it: no two pairs of texts are one.
    expect(adapterGuid('ab', 'c')).not.toEqual(adapterGuid('b', 'ca'))
  })
})

test('a region holds a batch of full packets, and one packet of any size at the least', () => {
  expect(regionBytes(1420)).toBeGreaterThanOrEqual(BATCH_SIZE * slotBytes(1420))
  for (const mtu of [576, 1420, 9000, 65535]) expect(regionBytes(mtu)).toBeGreaterThanOrEqual(MIN_REGION_BYTES)
})

test('elsewhere than on Windows the probe says so, and opening does', async () => {
  expect(probe(undefined, { platform: 'linux', arch: 'x64' })).toMatchObject({
    available: false,
    reason: 'this is linux: Wintun is for Windows only',
  })
  expect(probe(undefined, { platform: 'win32', arch: 'ia32' })).toMatchObject({
    reason: 'this is a node.exe for 32 bits',
  })
  if (process.platform === 'win32') return
  const region = { offset: 0, length: MIN_REGION_BYTES }
  const arena = { bytes: new Uint8Array(region.length), memory: null }
  await expect(wintunAdapter().openPackets({ name: 'wg0', arena, region })).rejects.toMatchObject({
    code: 'NOT_SUPPORTED',
  })
})

test('options that cannot be are refused where they are made', () => {
  for (const ringBytes of [0, 65536, 0x2_0001, 0x800_0000])
    expect(() => wintunAdapter({ ringBytes })).toThrow(RangeError)
  expect(() => wintunAdapter({ guid: 'none' })).toThrow(TypeError)
  expect(wintunAdapter().module).toMatch(/adapter/)
  expect(wintunAdapter({ ringBytes: 0x2_0000 }).module).toBeUndefined()
})
