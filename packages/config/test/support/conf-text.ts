/** Arbitrary configuration files: valid ones, and texts that only look like one. */
import { encodeSecretKey } from '@wireweave/tunnel/keys'
import type { PrivateKey } from '@wireweave/tunnel/keys'
import fc from 'fast-check'

const keyText: fc.Arbitrary<string> = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .filter((bytes) => bytes.some((byte) => byte !== 0))
  .map((bytes) => encodeSecretKey(bytes as PrivateKey, 'base64'))

const space = fc.constantFrom('', ' ', '  ', '\t')
const ending = fc.constantFrom('\n', '\r\n')
const comment = fc.constantFrom('', '', ' # a comment', '#x', ' # Name = laptop')

function line(key: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const name = fc.constantFrom(key, key.toLowerCase(), key.toUpperCase())
  return fc
    .tuple(space, name, space, space, value, comment, ending)
    .map(([a, k, b, c, v, d, e]) => `${a}${k}${b}=${c}${v}${d}${e}`)
}

const noise = fc.tuple(fc.constantFrom('', '# Name = a', ' #', '   '), ending).map((parts) => parts.join(''))
const network = fc.tuple(fc.nat(255), fc.integer({ min: 8, max: 32 })).map(([n, length]) => `10.${n}.0.0/${length}`)
const address = fc.tuple(fc.nat(255), fc.constantFrom('', '/24')).map(([n, length]) => `10.0.0.${n}${length}`)

/** A file without errors. */
export const validConf: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(noise, { maxLength: 2 }),
    keyText.chain((key) => line('PrivateKey', fc.constant(key))),
    fc.array(fc.oneof(line('Address', address), line('DNS', fc.constant('1.1.1.1, corp.example')), noise), {
      maxLength: 4,
    }),
    fc.array(
      fc.tuple(
        keyText.chain((key) => line('PublicKey', fc.constant(key))),
        fc.array(
          fc.oneof(
            line(
              'AllowedIPs',
              fc.array(network).map((list) => list.join(', ')),
            ),
            noise,
          ),
          { maxLength: 3 },
        ),
        fc.option(line('Endpoint', fc.constantFrom('vpn.example.com:51820', '192.0.2.1:1', '[2001:db8::1]:65535')), {
          nil: '',
        }),
      ),
      { maxLength: 4 },
    ),
  )
  .map(([before, key, device, peers]) =>
    [
      ...before,
      '[Interface]\n',
      key,
      ...device,
      ...peers.flatMap(([peer, ips, end]) => ['[Peer]\n', peer, ...ips, end]),
    ].join(''),
  )

/** Lines of any kind in any order, with pieces of keys in all places. */
export const anyConf: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '[Interface]',
        '[Peer]',
        '[peer',
        '[Peer] x',
        '[]',
        '=',
        '#',
        '__proto__ = 1',
        'AllowedIPs = ,,',
        '\u0000',
        '\uFEFF',
      ),
      fc
        .tuple(
          fc.constantFrom('PrivateKey', 'ListenPort', 'Endpoint', 'Address', 'DNS', 'Table', 'PublicKey', 'X', ''),
          keyText,
        )
        .map(([k, v]) => `${k} = ${v}`),
      keyText,
      fc.string({ maxLength: 40 }),
    ),
    { maxLength: 20 },
  )
  .map((lines) => lines.join('\n'))
