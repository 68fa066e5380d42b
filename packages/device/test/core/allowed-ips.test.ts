import { formatPrefix, parseIp, parsePrefix } from '@wireweave/tunnel/ip'
import { expect, test } from 'vitest'
import { AllowedIps } from '../../src/core/allowed-ips.js'

function insert(table: AllowedIps, text: string, owner: number): void {
  const prefix = parsePrefix(text)!
  table.insert(prefix.address, prefix.length, owner)
}

function remove(table: AllowedIps, text: string, owner: number): boolean {
  const prefix = parsePrefix(text)!
  return table.remove(prefix.address, prefix.length, owner)
}

function lookup(table: AllowedIps, text: string): number {
  const address = parseIp(text)!
  return address.length === 4 ? table.lookup4(address, 0) : table.lookup6(address, 0)
}

test('an empty table knows no owner', () => {
  const table = new AllowedIps()
  expect(lookup(table, '10.0.0.1')).toBe(-1)
  expect(lookup(table, 'fd00::1')).toBe(-1)
  expect(table.prefixesOf(7)).toEqual([])
  table.removeAllOf(7)
  expect(remove(table, '0.0.0.0/0', 0)).toBe(false)
})

test('the longest prefix wins', () => {
  const table = new AllowedIps()
  insert(table, '0.0.0.0/0', 0)
  insert(table, '10.0.0.0/8', 1)
  insert(table, '10.1.0.0/16', 2)
  insert(table, '10.1.2.3/32', 3)
  insert(table, '::/0', 4)
  insert(table, '2001:db8::/32', 5)
  insert(table, '2001:db8::1/128', 6)
  expect(lookup(table, '1.1.1.1')).toBe(0)
  expect(lookup(table, '10.9.9.9')).toBe(1)
  expect(lookup(table, '10.1.9.9')).toBe(2)
  expect(lookup(table, '10.1.2.3')).toBe(3)
  expect(lookup(table, 'fd00::1')).toBe(4)
  expect(lookup(table, '2001:db8::2')).toBe(5)
  expect(lookup(table, '2001:db8::1')).toBe(6)
})

test('the families do not see each other', () => {
  const table = new AllowedIps()
  insert(table, '0.0.0.0/0', 0)
  expect(lookup(table, '::')).toBe(-1)
  insert(table, '::/0', 1)
  expect(lookup(table, '0.0.0.0')).toBe(0)
  table.removeAllOf(0)
  expect(lookup(table, '0.0.0.0')).toBe(-1)
  expect(lookup(table, '::')).toBe(1)
})

test('giving a prefix to another owner moves it', () => {
  const table = new AllowedIps()
  insert(table, '192.168.4.0/24', 0)
  insert(table, '192.168.4.0/24', 1)
  expect(lookup(table, '192.168.4.4')).toBe(1)
  expect(table.prefixesOf(0)).toEqual([])
  expect(table.prefixesOf(1).map(formatPrefix)).toEqual(['192.168.4.0/24'])
  expect(table.size).toBe(1)
})

test('a prefix is removed only from the owner that has it', () => {
  const table = new AllowedIps()
  insert(table, '192.168.4.0/24', 0)
  expect(remove(table, '192.168.4.0/24', 1)).toBe(false)
  expect(remove(table, '192.168.4.0/25', 0)).toBe(false)
  expect(remove(table, '192.168.0.0/16', 0)).toBe(false)
  expect(lookup(table, '192.168.4.4')).toBe(0)
  expect(remove(table, '192.168.4.0/24', 0)).toBe(true)
  expect(lookup(table, '192.168.4.4')).toBe(-1)
})

test('host bits do not count', () => {
  const table = new AllowedIps()
  table.insert(parseIp('10.1.2.3')!, 8, 0)
  table.insert(parseIp('2001:db8::ffff')!, 33, 1)
  expect(lookup(table, '10.200.1.1')).toBe(0)
  expect(table.prefixesOf(0).map(formatPrefix)).toEqual(['10.0.0.0/8'])
  expect(table.prefixesOf(1).map(formatPrefix)).toEqual(['2001:db8::/33'])
  expect(table.remove(parseIp('10.9.9.9')!, 8, 0)).toBe(true)
})

test('prefixes of an owner are listed in the order they were given, over both families', () => {
  const table = new AllowedIps()
  const given = ['fd00::/8', '10.0.0.0/8', '::1/128', '9.0.0.0/8']
  for (const text of given) insert(table, text, 3)
  expect(table.prefixesOf(3).map(formatPrefix)).toEqual(given)
  insert(table, 'fd00::/8', 3)
  expect(table.prefixesOf(3).map(formatPrefix)).toEqual([...given.slice(1), given[0]])
})

test('130 560 prefixes are held, found and removed', () => {
  const table = new AllowedIps()
  const address = new Uint8Array(4)
  const each = (action: (address: Uint8Array, owner: number) => void): void => {
    for (let i = 0; i < 130_560; i++) {
      address.set([10 + (i >>> 16), i >>> 8, i, 77])
      action(address, i & 0xff)
    }
  }
  each((bytes, owner) => table.insert(bytes, 32, owner))
  expect(table.size).toBe(130_560)
  let wrong = 0
  each((bytes, owner) => (wrong += table.lookup4(bytes, 0) === owner ? 0 : 1))
  expect(wrong).toBe(0)
  for (let owner = 0; owner < 256; owner++) table.removeAllOf(owner)
  expect(table.size).toBe(0)
})

test('removing prefixes one by one gives back all they took, forks included', () => {
  const table = new AllowedIps()
  const address = new Uint8Array(16)
  const view = new DataView(address.buffer)
  let held = 0
  for (let round = 0; round < 20; round++) {
    // Other addresses in every round, so that no fork of the last is of use.
    for (let i = 0; i < 500; i++) {
      view.setUint32(4 * (round % 4), Math.imul(i + 1, 0x9e3779b1) ^ round)
      table.insert(address, 128, i & 3)
    }
    held ||= table.bytes
    expect(table.bytes).toBe(held)
    for (let i = 0; i < 500; i++) {
      view.setUint32(4 * (round % 4), Math.imul(i + 1, 0x9e3779b1) ^ round)
      table.remove(address, 128, i & 3)
    }
    expect(table.size).toBe(0)
  }
})
