import { isWireGuardError } from '@wireweave/tunnel/errors'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type UapiRequest, UapiReader, encodeGetAnswer } from '../src/uapi.js'
import { deviceUpdate, endpoint, prefix, presharedKey, privateKey, publicKey } from './support/arbitraries.js'
import { setLines, setText } from './support/uapi-text.js'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** All requests of `input` cut at the places `cuts`, and whether the reader ended the connection. */
function readAll(input: Uint8Array, cuts: readonly number[]): { requests: UapiRequest[]; over: boolean } {
  const reader = new UapiReader({ maxLineBytes: 256 })
  const requests: UapiRequest[] = []
  const ends = [...cuts.map((cut) => cut % (input.length + 1)), input.length].sort((a, b) => a - b)
  try {
    let start = 0
    for (const end of ends) {
      for (const request of reader.read(input.subarray(start, end))) requests.push(request)
      start = end
    }
    for (const request of reader.end()) requests.push(request)
    return { requests, over: false }
  } catch (error) {
    if (!isWireGuardError(error)) throw error
    return { requests, over: true }
  }
}

const cuts = fc.array(fc.nat(), { maxLength: 5 })

test('an update survives its text, however the text is cut', () => {
  fc.assert(
    fc.property(deviceUpdate, cuts, (update, cuts) => {
      expect(readAll(utf8(setText(update)), cuts)).toEqual({ requests: [{ tag: 'set', update }], over: false })
    }),
  )
})

test('any bytes give requests, rejections or the end of the connection, and the same ones however they are cut', () => {
  const line = fc.oneof(
    deviceUpdate.map((update) => setLines(update).join('\n')),
    fc.constantFrom(
      'set=1',
      'get=1',
      '',
      'private_key=',
      '=',
      'public_key',
      '__proto__=true',
      'allowed_ip=-',
      'endpoint=[%',
      'endpoint=[%]:',
    ),
    fc.string(),
    fc.string({ unit: 'binary' }),
  )
  const input = fc.oneof(
    fc.uint8Array({ maxLength: 600 }),
    fc.array(line, { maxLength: 12 }).map((lines) => utf8(lines.join('\n'))),
  )
  fc.assert(
    fc.property(input, cuts, (input, cuts) => {
      const whole = readAll(input, [])
      expect(readAll(input, cuts)).toEqual(whole)
    }),
    { numRuns: 500 },
  )
})

test('a rejected request changes nothing about the ones around it', () => {
  const broken = fc.constantFrom(
    'listen_port=x',
    'x',
    'allowed_ip=10.0.0.0/8',
    `private_key=${'0'.repeat(63)}`,
    'x'.repeat(300),
  )
  fc.assert(
    fc.property(deviceUpdate, broken, deviceUpdate, (first, line, second) => {
      const { requests } = readAll(
        utf8(`${setText(first)}set=1\n${line}\n${setText(second).slice(6)}${setText(second)}`),
        [],
      )
      expect(requests.map((request) => request.tag)).toEqual(['set', 'rejected', 'set'])
      expect(requests[2]).toEqual({ tag: 'set', update: second })
    }),
  )
})

test('what a get answer says of a device is what a set of the same lines would make', () => {
  const peer = fc.record({
    publicKey,
    presharedKey: fc.option(presharedKey),
    endpoint: fc.option(endpoint),
    persistentKeepaliveInterval: fc.nat(65535),
    allowedIps: fc.array(prefix, { minLength: 1, maxLength: 5 }),
  })
  const device = fc.record({
    privateKey,
    listenPort: fc.integer({ min: 1, max: 65535 }),
    fwmark: fc.integer({ min: 1, max: 0xffffffff }),
    peers: fc.array(peer, { minLength: 1, maxLength: 3 }),
  })
  fc.assert(
    fc.property(device, ({ privateKey, listenPort, fwmark, peers }) => {
      const answer = encodeGetAnswer(
        {
          publicKey: null,
          listenPort,
          fwmark,
          peers: peers.map(({ presharedKey, ...rest }) => ({
            ...rest,
            hasPresharedKey: presharedKey !== null,
            lastHandshakeTimeNs: 5n,
            rxBytes: 6n,
            txBytes: 7n,
          })),
        },
        { privateKey, presharedKeys: peers.map(({ presharedKey }) => presharedKey) },
      )
      const lines = new TextDecoder()
        .decode(answer)
        .replaceAll(/^(last_handshake_time_n?sec|[rt]x_bytes|errno)=\d+\n/gm, '')
      const expected = peers.map(({ endpoint, ...rest }) => (endpoint === null ? rest : { ...rest, endpoint }))
      expect(readAll(utf8(`set=1\n${lines}`), []).requests).toEqual([
        { tag: 'set', update: { privateKey, listenPort, fwmark, peers: expected } },
      ])
    }),
  )
})

test('a key is 64 hexadecimal digits of either case and nothing else', () => {
  const digit = fc.constantFrom(...'0123456789abcdefABCDEF'.split(''))
  const other = fc.integer({ min: 0, max: 255 }).filter((byte) => byte !== 10)
  fc.assert(
    fc.property(fc.array(digit, { minLength: 64, maxLength: 64 }), fc.nat(63), other, (digits, at, byte) => {
      const line = utf8(`set=1\npublic_key=${digits.join('')}\n\n`)
      const whole = readAll(line, []).requests[0]!
      expect(whole.tag === 'set' && whole.update.peers![0]!.publicKey).toEqual(
        new Uint8Array(Buffer.from(digits.join(''), 'hex')),
      )
      line['set=1\npublic_key='.length + at] = byte
      const isDigit = /[0-9a-f]/i.test(String.fromCharCode(byte))
      expect(readAll(line, []).requests[0]!.tag).toBe(isDigit ? 'set' : 'rejected')
    }),
    { numRuns: 1000 },
  )
})
