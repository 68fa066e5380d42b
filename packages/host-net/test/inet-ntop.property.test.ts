/** `wg` prints addresses with inet_ntop(3). */
import { bind } from '@wireweave/ffi/library'
import { formatIp } from '@wireweave/tunnel/ip'
import fc from 'fast-check'
import { expect, test } from 'vitest'

const AF_INET = 2
const AF_INET6 = 10
const INET6_ADDRSTRLEN = 46

/** musl writes mapped addresses with a quad, but no compatible ones. */
const header = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header
const isGlibc = header.glibcVersionRuntime !== undefined

/** Mostly zeros and the numbers that make a difference. */
const group = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constantFrom(1, 0xff, 0x100, 0xffff, 0xfffe) },
  { weight: 1, arbitrary: fc.nat(0xffff) },
)
const v6 = fc
  .array(group, { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((value) => [value >>> 8, value & 255])))
const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 })

test.skipIf(!isGlibc)('formatIp writes every address as inet_ntop does', () => {
  const libc = bind(null, { inetNtop: ['inet_ntop', 'str', ['int', 'void *', 'void *', 'uint']] })
  const text = new Uint8Array(INET6_ADDRSTRLEN)
  fc.assert(
    fc.property(fc.oneof(v4, v6), (address) => {
      const family = address.length === 4 ? AF_INET : AF_INET6
      expect(formatIp(address)).toBe(libc.inetNtop(family, address, text, text.length))
    }),
    { numRuns: 5000 },
  )
})
