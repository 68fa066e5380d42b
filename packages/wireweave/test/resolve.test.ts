import { formatEndpoint } from '@wireweave/tunnel/ip'
import { expect, test } from 'vitest'
import { resolveEndpoint, resolveEndpoints } from '../src/resolve.js'

const failure = (code: string): Error => Object.assign(new Error(code), { code })

test('an address is not looked up, a zone becomes an index', async () => {
  const lookup = () => Promise.reject(failure('never'))
  const [v4] = await resolveEndpoint({ host: '192.0.2.1', port: 7 }, { lookup })
  expect(formatEndpoint(v4!)).toBe('192.0.2.1:7')
  const [v6] = await resolveEndpoint({ host: 'fe80::1%eth0', port: 7 }, { lookup, zoneIndex: () => 3 })
  expect(formatEndpoint(v6!)).toBe('[fe80::1%3]:7')
})

test('a name that does not exist is not asked for again; the message says which', async () => {
  let asked = 0
  const lookup = () => {
    asked++
    return Promise.reject(failure('ENOTFOUND'))
  }
  const failed = resolveEndpoint({ host: 'vpn.example', port: 7 }, { lookup })
  await expect(failed).rejects.toThrow('the host vpn.example is not known (ENOTFOUND). Check the Endpoint line.')
  expect(asked).toBe(1)
})

test('a resolver that does not answer is asked again, as often as was said', async () => {
  let asked = 0
  const lookup = async () => {
    if (asked++ === 0) throw failure('EAI_AGAIN')
    return ['192.0.2.1', '2001:db8::1']
  }
  expect(await resolveEndpoint({ host: 'vpn.example', port: 7 }, { lookup, retries: 1 })).toHaveLength(2)
  asked = 0
  const never = resolveEndpoint({ host: 'vpn.example', port: 7 }, { lookup, retries: 0 })
  await expect(never).rejects.toMatchObject({ recoverable: true, errno: 'EAI_AGAIN' })
})

test('giving up ends the waiting at once', async () => {
  for (const lookup of [() => new Promise<string[]>(() => {}), () => Promise.reject(failure('EAI_AGAIN'))]) {
    const signal = AbortSignal.timeout(50)
    // Timers end in their order, however late: this one before the second after which it would be looked up again.
    const late = new Promise((resolve) => setTimeout(resolve, 900, 'late'))
    const resolved = resolveEndpoint({ host: 'vpn.example', port: 7 }, { lookup, signal })
    await expect(Promise.race([resolved, late])).rejects.toMatchObject({ code: 'ABORTED' })
  }
})

test('each name is looked up once, some at a time', async () => {
  let now = 0
  let most = 0
  let asked = 0
  const lookup = async () => {
    asked++
    most = Math.max(most, ++now)
    await new Promise((resolve) => setTimeout(resolve, 1))
    now--
    return ['192.0.2.1']
  }
  const endpoints = Array.from({ length: 200 }, (_, i) => ({ host: `h${i % 100}`, port: 7 }))
  expect((await resolveEndpoints(endpoints, { lookup })).size).toBe(100)
  expect(asked).toBe(100)
  expect(most).toBeLessThanOrEqual(16)
})
