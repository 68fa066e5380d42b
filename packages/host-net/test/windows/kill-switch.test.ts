/** The kill switch over a stand-in that decides as the Windows Filtering Platform does, from the structs it was given. */
import path from 'node:path'
import { loadDll } from '@wireweave/ffi/win32/library'
import { parseIp } from '@wireweave/tunnel/ip'
import { afterEach, describe, expect, test } from 'vitest'
import { enforceKillSwitch } from '../../src/win32/firewall.js'
import * as abi from '../../src/win32/wfp-abi.js'

const FWPUCLNT = path.win32.join(process.env['WIREWEAVE_NATIVE']!, 'fwpuclnt-double.dll')
const model = loadDll(
  FWPUCLNT,
  'unverified',
  {
    violations: ['DblViolations', 'uint32_t', []],
    violationText: ['DblViolationText', 'void', ['uint32_t', 'void *', 'uint32_t']],
    rule: ['DblRule', 'void', ['str']],
    reset: ['DblReset', 'void', []],
    live: ['DblLive', 'uint32_t', []],
    decide: ['DblDecide', 'int32_t', ['uint32_t', 'void *']],
    layouts: ['DblLayouts', 'str', []],
  } as const,
  {},
).call

const LUID = (53n << 48n) | (21n << 24n)
const DNS = ['10.7.0.1', 'fd07::1'].map((text) => parseIp(text)!)
const VERDICTS: Record<string, string> = { '-1': 'open', 0: 'blocked', 1: 'permitted', 2: 'permitted for good' }
const [TCP, UDP, ICMP6] = [6, 17, 58]

interface Flow {
  readonly to: string
  readonly from?: string
  readonly ports?: readonly [local: number, remote: number]
  readonly protocol?: number
  readonly own?: boolean
  readonly loopback?: boolean
  readonly luid?: bigint
  readonly accept?: boolean
}

function verdict({ to, from, ports = [50000, 443], protocol = TCP, own, loopback, luid = 7n, accept }: Flow): string {
  const flow = new Uint8Array(64)
  const view = new DataView(flow.buffer)
  view.setUint32(0, own === true ? 1 : 0, true)
  view.setUint32(4, loopback === true ? 1 : 0, true)
  view.setBigUint64(8, luid, true)
  view.setUint32(16, protocol, true)
  view.setUint32(20, ports[0], true)
  view.setUint32(24, ports[1], true)
  const remote = parseIp(to)!
  flow.set(parseIp(from ?? (remote.length === 4 ? '192.168.7.10' : 'fe80::10'))!, 32)
  flow.set(remote, 48)
  return VERDICTS[model.decide((remote.length === 4 ? 0 : 2) + (accept === true ? 1 : 0), flow)]!
}

function during(dns: readonly Uint8Array[], work: () => void): void {
  const inForce = enforceKillSwitch(LUID, dns, FWPUCLNT)
  try {
    work()
  } finally {
    inForce.lift()
    inForce.lift()
  }
}

afterEach(() => {
  const text = new Uint8Array(256)
  if (model.violations() > 0) model.violationText(0, text, text.length)
  expect(new TextDecoder().decode(text.subarray(0, text.indexOf(0)))).toBe('')
  expect(model.live()).toBe(0)
  expect(verdict({ to: '192.0.2.1' })).toBe('open')
  model.reset()
})

test('structs are laid out as the compiler does it', () => {
  const compiled = JSON.parse(model.layouts()!) as Record<string, number[]>
  const tables = abi as unknown as Record<string, Record<string, number>>
  for (const [name, numbers] of Object.entries(compiled))
    expect([name, ...Object.values(tables[name]!)]).toEqual([name, ...numbers])
  expect(Object.keys(compiled)).toHaveLength(7)
})

describe('while it is in force', () => {
  test('everything is blocked but what goes through the tunnel, of both families, in both directions', () =>
    during(DNS, () => {
      for (const to of ['192.0.2.1', '192.168.7.20', '2001:db8::1', 'fe80::7']) {
        for (const accept of [false, true]) {
          expect(verdict({ to, accept })).toBe('blocked')
          expect(verdict({ to, accept, luid: LUID })).toBe('permitted')
          expect(verdict({ to, accept, own: true })).toBe('permitted for good')
        }
      }
      expect(verdict({ to: '127.0.0.1', loopback: true })).toBe('permitted')
    }))

  test('this program is known by where it lies, whichever way led there, as a link does', () => {
    const { execPath } = process
    process.execPath = path.win32.dirname(execPath).concat('\\.\\', path.win32.basename(execPath))
    try {
      during(DNS, () => expect(verdict({ to: '192.0.2.1', own: true })).toBe('permitted for good'))
    } finally {
      process.execPath = execPath
    }
  })

  test('names are asked of the tunnel servers only, through whichever interface', () =>
    during(DNS, () => {
      for (const protocol of [TCP, UDP]) {
        for (const luid of [7n, LUID]) {
          const ask = (to: string): string => verdict({ to, protocol, luid, ports: [50000, 53] })
          expect([ask('10.7.0.1'), ask('fd07::1')]).toEqual(['permitted', 'permitted'])
          expect([ask('10.7.0.2'), ask('8.8.8.8'), ask('fd07::2')]).toEqual(['blocked', 'blocked', 'blocked'])
        }
      }
    }))

  test('without servers in the configuration names go where they go, through the tunnel', () =>
    during([], () => {
      expect(verdict({ to: '8.8.8.8', protocol: UDP, ports: [50000, 53], luid: LUID })).toBe('permitted')
      expect(verdict({ to: '8.8.8.8', protocol: UDP, ports: [50000, 53] })).toBe('blocked')
    }))

  test('the network below keeps its address: DHCP, neighbours, routers', () =>
    during(DNS, () => {
      const dhcp = { protocol: UDP, ports: [68, 67] } as const
      expect(verdict({ ...dhcp, to: '255.255.255.255' })).toBe('permitted')
      expect(verdict({ ...dhcp, to: '192.0.2.1' })).toBe('blocked')
      expect(verdict({ ...dhcp, to: '192.168.7.1', accept: true })).toBe('permitted')
      const dhcp6 = { protocol: UDP, ports: [546, 547] } as const
      expect([verdict({ ...dhcp6, to: 'ff02::1:2' }), verdict({ ...dhcp6, to: 'ff05::1:3' })]).toEqual([
        'permitted',
        'permitted',
      ])
      expect(verdict({ ...dhcp6, to: 'ff02::1:2', from: '2001:db8::1' })).toBe('blocked')
      const icmp = (type: number, to: string, accept = false): string =>
        verdict({ protocol: ICMP6, ports: [type, 0], to, accept })
      expect([icmp(133, 'ff02::2'), icmp(133, '2001:db8::1')]).toEqual(['permitted', 'blocked'])
      expect([icmp(134, 'fe80::1', true), icmp(134, '2001:db8::1', true)]).toEqual(['permitted', 'blocked'])
      for (const type of [135, 136])
        expect([icmp(type, 'fe80::9'), icmp(type, 'fe80::9', true)]).toEqual(['permitted', 'permitted'])
      expect([icmp(137, 'fe80::1', true), icmp(128, 'fe80::1')]).toEqual(['permitted', 'blocked'])
    }))
})

test.each(['open=5', 'filter=5*1', 'commit=87'])('a failure (%s) blocks nothing and leaves nothing', (rule) => {
  model.rule(rule)
  expect(() => enforceKillSwitch(LUID, DNS, FWPUCLNT)).toThrow('Nothing is blocked')
})
