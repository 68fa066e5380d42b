/** Addresses, routes and rules against the kernel: what we make must be what `ip` makes. */
import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addAddress, deleteAddress, listAddresses } from '../src/address.js'
import { createLink, setLinkUp } from '../src/link.js'
import { addRoute, deleteRoute, findRoute, listRoutes, RT_TABLE_MAIN } from '../src/route.js'
import { addRule, deleteRule, listRules, sameRule } from '../src/rule.js'
import type { Rule } from '../src/rule.js'
import { NETLINK_ROUTE, NetlinkSocket } from '../src/socket.js'
import { ipJson, isolate, missing } from './support.js'

const lacking = missing()
const v4 = Uint8Array.of(10, 7, 0, 1)
const v6 = Uint8Array.from([0xfd, ...Array<number>(14).fill(0), 1])

describe.skipIf(lacking !== null)(`in a namespace (needs ${lacking ?? 'nothing more'})`, () => {
  let leave = (): void => {}
  let socket: NetlinkSocket
  let index = 0
  beforeAll(() => {
    leave = isolate('nlroute')
    socket = new NetlinkSocket(NETLINK_ROUTE)
    socket.filterDumps()
    index = createLink(socket, 'v0', 'veth', 1400).index
    setLinkUp(socket, index, true)
  })
  afterAll(() => {
    socket?.close()
    leave()
  })

  test('addresses come and go as with ip', () => {
    for (const [address, length] of [
      [v4, 24],
      [v6, 64],
    ] as const) {
      addAddress(socket, { index, address, length })
      expect(() => addAddress(socket, { index, address, length })).toThrow(/EEXIST/)
    }
    const shown = ipJson('addr', 'show', 'v0')[0]!['addr_info'] as { local: string; prefixlen: number; scope: string }[]
    expect(
      shown.filter(({ scope }) => scope === 'global').map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    ).toEqual(['10.7.0.1/24', 'fd00::1/64'])
    expect(listAddresses(socket, index)).toContainEqual({ index, address: v4, length: 24 })
    deleteAddress(socket, { index, address: v6, length: 64 })
    expect(() => deleteAddress(socket, { index, address: v6, length: 64 })).toThrow(/EADDRNOTAVAIL/)
    addAddress(socket, { index, address: v6, length: 64 })
  })

  test('a route is the one that ip makes of the same words', () => {
    for (const [words, address, length, table] of [
      ['10.9.0.0/16', Uint8Array.of(10, 9, 0, 0), 16, RT_TABLE_MAIN],
      ['0.0.0.0/0', new Uint8Array(4), 0, 51820],
      ['fd09::/32', Uint8Array.from([0xfd, 9, ...Array<number>(14).fill(0)]), 32, RT_TABLE_MAIN],
      ['::/0', new Uint8Array(16), 0, 51820],
    ] as const) {
      const family = address.length === 4 ? 4 : 6
      const show = (): unknown => ipJson('-d', `-${family}`, 'route', 'show', 'table', 'all', words)
      execFileSync('ip', [`-${family}`, 'route', 'add', words, 'dev', 'v0', 'table', String(table)])
      const theirs = show()
      expect(theirs).not.toEqual([])
      deleteRoute(socket, { address, length, index, table })
      expect(() => deleteRoute(socket, { address, length, index, table })).toThrow(/ESRCH/)
      addRoute(socket, { address, length, index, table })
      expect(show()).toEqual(theirs)
      expect(() => addRoute(socket, { address, length, index, table })).toThrow(/EEXIST/)
      expect(listRoutes(socket, family, { table })).toContainEqual({ address, length, index, table })
      expect(listRoutes(socket, family, { index })).toContainEqual({ address, length, index, table })
    }
    expect(listRoutes(socket, 4, { table: 51999 })).toEqual([])
  })

  test('the way to an address has an interface and, when the route has one, an MTU', () => {
    execFileSync('ip', ['route', 'add', '192.0.2.0/24', 'dev', 'v0', 'mtu', '1300'])
    expect(findRoute(socket, Uint8Array.of(192, 0, 2, 5))).toEqual({ index, mtu: 1300 })
    expect(findRoute(socket, Uint8Array.of(10, 9, 0, 5))).toEqual({ index, mtu: null })
    expect(() => findRoute(socket, Uint8Array.of(203, 0, 113, 1))).toThrow(/ENETUNREACH/)
  })

  test('a rule is the one that ip makes of the same words', () => {
    for (const family of [4, 6] as const) {
      const mark: Rule = { family, table: 51820, fwmark: 51820, invert: true, suppressPrefixLength: null }
      const main: Rule = { family, table: RT_TABLE_MAIN, fwmark: null, invert: false, suppressPrefixLength: 0 }
      const show = (): unknown => ipJson('-d', `-${family}`, 'rule', 'show')
      const before = show()
      execFileSync('ip', [`-${family}`, 'rule', 'add', 'not', 'fwmark', '51820', 'table', '51820'])
      execFileSync('ip', [`-${family}`, 'rule', 'add', 'table', 'main', 'suppress_prefixlength', '0'])
      const theirs = show()
      deleteRule(socket, mark)
      deleteRule(socket, main)
      expect(show()).toEqual(before)
      addRule(socket, mark)
      addRule(socket, main)
      expect(show()).toEqual(theirs)
      const listed = listRules(socket, family)
      for (const rule of [mark, main]) expect(listed.filter((entry) => sameRule(entry, rule))).toHaveLength(1)
      deleteRule(socket, main)
      deleteRule(socket, mark)
      expect(() => deleteRule(socket, mark)).toThrow(/ENOENT/)
    }
  })
})
