import { expect, test } from 'vitest'
import type { Availability, Reach, TunnelBackend } from '../src/backend.js'
import { isWireGuardError } from '../src/errors.js'
import { selectBackend } from '../src/select.js'

function backend(name: string, probe: () => Promise<Availability>, reach: Reach = 'host'): TunnelBackend {
  return { name, dataPlane: 'userspace', reach, probe, open: () => Promise.reject(new Error('not in this test')) }
}
const works = (): Promise<Availability> => Promise.resolve({ available: true })
const lacks = (): Promise<Availability> =>
  Promise.resolve({ available: false, reason: 'no module', remedy: 'modprobe it' })
const broken = (): Promise<Availability> => Promise.reject(new Error('boom'))

test('auto takes the first that works and says why the others were skipped', async () => {
  const backends = [backend('kernel', lacks), backend('odd', broken), backend('tun', works), backend('other', works)]
  const selection = await selectBackend({ backends, wanted: 'auto', wantedBy: 'default' })
  expect(selection.backend.name).toBe('tun')
  expect(selection.skipped).toEqual([
    { name: 'kernel', reason: 'no module', remedy: 'modprobe it' },
    { name: 'odd', reason: 'its probe failed: boom', remedy: 'Please report this.' },
  ])
})

test('auto never takes a backend that only this process can reach', async () => {
  const backends = [backend('netstack', works, 'process'), backend('tun', lacks)]
  await expect(selectBackend({ backends, wanted: 'auto', wantedBy: 'default' })).rejects.toThrow(
    /tun: no module. modprobe it/,
  )
})

test('a named backend is taken or the reason told, and never replaced by another', async () => {
  const backends = [backend('kernel', lacks), backend('netstack', works, 'process')]
  const named = await selectBackend({ backends, wanted: 'netstack', wantedBy: '--adapter' })
  expect(named).toMatchObject({ why: 'asked for by --adapter', skipped: [] })
  const refused = await selectBackend({ backends, wanted: 'kernel', wantedBy: '--adapter' }).catch(
    (error: unknown) => error,
  )
  expect(isWireGuardError(refused) && refused.code).toBe('NOT_SUPPORTED')
  await expect(selectBackend({ backends, wanted: 'wintin', wantedBy: 'WIREWEAVE_ADAPTER' })).rejects.toThrow(
    'WIREWEAVE_ADAPTER names the unknown adapter "wintin"; known: auto, kernel, netstack',
  )
})
