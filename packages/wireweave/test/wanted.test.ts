import { expect, test } from 'vitest'
import { decideWanted } from '../src/wanted.js'
import type { Wishes } from '../src/wanted.js'

const decide = (wishes: Partial<Wishes>, driver: number | null = null, userspace: number | null = null): string => {
  const switches = { experimentalKernelDriver: driver, useUserspaceImplementation: userspace }
  return decideWanted({ option: undefined, variable: undefined, switches, kernel: true, ...wishes }).wanted
}

test('the option comes before the variable, and that before the registry', () => {
  expect(decide({ option: 'a', variable: 'b' }, 1)).toBe('a')
  expect(decide({ variable: 'b' }, 1)).toBe('b')
  expect(decide({ option: 'auto' }, 1)).toBe('auto')
  expect(decide({ variable: '' }, 1)).toBe('wgnt')
})

test('ExperimentalKernelDriver decides between the two; UseUserspaceImplementation, which is newer, comes first', () => {
  expect([decide({}), decide({}, 1), decide({}, 0), decide({}, 7)]).toEqual(['auto', 'wgnt', 'wintun', 'wgnt'])
  expect([decide({}, null, 1), decide({}, 1, 1), decide({}, 0, 0)]).toEqual(['wintun', 'wintun', 'wintun'])
  expect([decide({}, null, 0), decide({}, 1, 0)]).toEqual(['auto', 'wgnt'])
})

test('who passes the kernel over is not given it by the registry', () => {
  expect(decide({ kernel: false }, 1)).toBe('auto')
  expect(decide({ kernel: false }, 0)).toBe('wintun')
})

test('there is no registry elsewhere', () => {
  expect(decide({ switches: null })).toBe('auto')
})

test('who asked is said', () => {
  const wishes = { option: undefined, variable: undefined, kernel: true }
  const switches = { experimentalKernelDriver: 1, useUserspaceImplementation: null }
  expect(decideWanted({ ...wishes, switches }).wantedBy).toBe('ExperimentalKernelDriver in HKLM\\Software\\WireGuard')
  expect(decideWanted({ ...wishes, switches: null }).wantedBy).toBe('auto')
})
