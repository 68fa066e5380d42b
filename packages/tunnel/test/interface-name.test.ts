import { expect, test } from 'vitest'
import { isInterfaceName, isInterfacePattern, isWindowsName } from '../src/interface-name.js'

test.each(['wg0', 'a', 'A_=+.-9', '...', 'x'.repeat(15)])('%j is a name', (name) => {
  expect([isInterfaceName(name), isInterfacePattern(name)]).toEqual([true, true])
})

test.each([
  '',
  '.',
  '..',
  'x'.repeat(16),
  '../wg0',
  'wg/0',
  'a b',
  'a:b',
  'wg0\n',
  'wgé',
  'wg\0',
  'wg%s',
  'wg%',
  '%dwg',
  '%d%d',
])('%j is neither a name nor one to be numbered', (name) => {
  expect([isInterfaceName(name), isInterfacePattern(name)]).toEqual([false, false])
})

test('%d at the end asks for a number; with it there are 15 characters, too', () => {
  for (const pattern of ['%d', 'wg%d', `${'x'.repeat(13)}%d`]) {
    expect([isInterfaceName(pattern), isInterfacePattern(pattern)]).toEqual([false, true])
  }
  expect(isInterfacePattern(`${'x'.repeat(14)}%d`)).toBe(false)
})

test('Windows keeps the names of its devices, and dots at the ends, for itself', () => {
  for (const name of ['con', 'NUL', 'Aux.x', 'prn', 'COM1', 'com9.wg', 'LPT1', '.wg', 'wg.']) {
    expect(isWindowsName(name), name).toBe(false)
  }
  for (const name of ['wg0', 'console', 'nul0', 'com', 'com0', 'com10', 'x.nul']) {
    expect(isWindowsName(name), name).toBe(true)
  }
})
