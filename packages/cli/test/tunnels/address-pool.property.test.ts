import fc from 'fast-check'
import { formatIp, maskPrefix, parseIp, parsePrefix } from '@wireweave/tunnel/ip'
import type { IpPrefix } from '@wireweave/tunnel/ip'
import { expect, test } from 'vitest'
import { freeAddresses } from '../../src/internal/tunnels/address-pool.js'

const network = (text: string) => {
  const [address, length] = text.split('/')
  return { address: parseIp(address!)!, length: Number(length) }
}
const free = (server: string, ...taken: string[]): string[] =>
  freeAddresses(
    [network(server)],
    taken.map((text) => parsePrefix(text)!),
  ).map(formatIp)

test('the first address that is free, of each network', () => {
  expect(free('10.0.0.1/24')).toEqual(['10.0.0.2'])
  expect(free('10.0.0.1/24', '10.0.0.2/32', '10.0.0.4/32')).toEqual(['10.0.0.3'])
  expect(free('10.0.0.9/24', '10.0.0.0/29')).toEqual(['10.0.0.8'])
  expect(free('fd00::1/64', 'fd00::2/128')).toEqual(['fd00::3'])
  expect(free('fd00::1/120', '10.0.0.2/32', 'fd01::2/128')).toEqual(['fd00::2'])
})

test('a network of two has no address to leave out, a single address is no network', () => {
  expect(free('10.0.0.0/31')).toEqual(['10.0.0.1'])
  expect(free('10.0.0.1/32')).toEqual([])
})

test('a prefix that holds the whole network, such as a default route, takes nothing', () => {
  expect(free('10.0.0.1/24', '0.0.0.0/0', '10.0.0.0/24')).toEqual(['10.0.0.2'])
})

test('a full network is an error that says what to do', () => {
  expect(() => free('10.0.0.1/30', '10.0.0.2/32')).toThrow(/10\.0\.0\.0\/30 has no free address\. Give the server/)
})

test('filling a network one by one uses each address once, and all that a slow search would', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 24, max: 30 }),
      fc.nat(255),
      fc.array(fc.nat(255), { maxLength: 20 }),
      (length, own, used) => {
        const base = maskPrefix(new Uint8Array([10, 0, 0, own]), length).address
        const size = 2 ** (32 - length)
        const server = new Uint8Array([10, 0, 0, base[3]! + (own % size)])
        const taken: IpPrefix[] = used.map((host) => ({ address: new Uint8Array([10, 0, 0, host]), length: 32 }))
        const usable = Array.from({ length: size }, (_, i) => base[3]! + i).filter(
          (host, i) => i > 0 && i < size - 1 && host !== server[3] && !used.includes(host),
        )
        for (const host of usable) {
          const [got] = freeAddresses([{ address: server, length }], taken)
          expect(got).toEqual(new Uint8Array([10, 0, 0, host]))
          taken.push({ address: got!, length: 32 })
        }
        expect(() => freeAddresses([{ address: server, length }], taken)).toThrow(/no free address/)
      },
    ),
    { numRuns: 50 },
  )
})
