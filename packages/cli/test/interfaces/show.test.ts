import { describe, expect, test } from 'vitest'
import { NO_COLOURS, outputPalette } from '../../src/internal/interfaces/palette.js'
import { FIELDS, fieldText } from '../../src/internal/interfaces/show-fields.js'
import { documentedJson } from '../support/documented-json.js'
import { deviceJson, jsonText } from '../../src/internal/interfaces/show-json.js'
import { showText } from '../../src/internal/interfaces/show-text.js'
import {
  ageText,
  bytesText,
  durationText,
  shortBytesText,
  shortDurationText,
} from '../../src/internal/interfaces/units.js'
import { NOW, ago, busyPeer, device, peer } from './device.js'

const SECRET = Buffer.alloc(32, 100).toString('base64')
const PSK = Buffer.alloc(32, 99).toString('base64')
const key = (n: number): string => Buffer.alloc(32, n).toString('base64')
const text = { palette: NO_COLOURS, showKeys: false, now: NOW }

// What the same bytes are from wg itself, interop/test/wg-differential.test.ts compares.
describe('show', () => {
  test('prints a peer as wg does', () => {
    expect(showText('wg0', device(busyPeer), text)).toBe(
      [
        'interface: wg0',
        `  public key: ${key(200)}`,
        '  private key: (hidden)',
        '  listening port: 51820',
        '',
        `peer: ${key(1)}`,
        '  preshared key: (hidden)',
        '  endpoint: 192.0.2.1:51820',
        '  allowed ips: 10.0.0.2/32, fd00::2/128',
        '  latest handshake: 1 minute, 5 seconds ago',
        '  transfer: 2.17 KiB received, 1048576.00 TiB sent',
        '  persistent keepalive: every 25 seconds',
        '',
      ].join('\n'),
    )
  })

  test('sorts peers by their latest handshake, those never seen last', () => {
    const shown = showText(
      'wg0',
      device(peer(1), peer(2, { lastHandshakeTimeNs: ago(9) }), peer(3, { lastHandshakeTimeNs: ago(3) }), peer(4)),
      text,
    )
    expect([...shown.matchAll(/^peer: (.*)$/gm)].map(([, each]) => each)).toEqual([3, 2, 1, 4].map(key))
  })

  test('shows secret keys only when they are asked for', () => {
    const hidden = showText('wg0', device(busyPeer), text) + jsonText(deviceJson(device(busyPeer), json()))
    for (const secret of [SECRET, PSK]) expect(hidden).not.toContain(secret)
    const shown = showText('wg0', device(busyPeer), { ...text, showKeys: true })
    for (const secret of [SECRET, PSK]) expect(shown).toContain(secret)
  })

  test('has every field, with the interface in front when there are several', () => {
    for (const field of FIELDS) {
      const line = fieldText(field, 'wg0', device(busyPeer))
      expect(line).toMatch(/^(wg0\t[^\n]+\n)+$/)
      expect(fieldText(field, null, device(busyPeer))).toBe(line.replaceAll('wg0\t', ''))
    }
    expect(fieldText('dump', null, device(peer(1)))).toBe(
      `${SECRET}\t${key(200)}\t51820\toff\n${key(1)}\t(none)\t(none)\t(none)\t0\t0\t0\toff\n`,
    )
  })
})

const json = (showKeys = false) => ({ names: new Map([[key(1), 'laptop']]), showKeys, now: NOW })

describe('show --json', () => {
  test('has the shape of wg-json, with our fields beside, and counters to the last digit', () => {
    expect(jsonText(deviceJson(device(busyPeer), json(true)))).toBe(
      `{"privateKey":"${SECRET}","publicKey":"${key(200)}","listenPort":51820,"peers":{"${key(1)}":{` +
        `"name":"laptop","state":"up","presharedKey":"${PSK}","endpoint":"192.0.2.1:51820",` +
        `"latestHandshake":${NOW - 65},"transferRx":2224,"transferTx":1152921504606846977,` +
        '"persistentKeepalive":25,"allowedIps":["10.0.0.2/32","fd00::2/128"]}}}',
    )
  })

  test('has the fields that docs/json.md shows', () => {
    const documented = Object.values(documentedJson('show') as Record<string, { peers: Record<string, object> }>)[0]!
    const { snapshot, secrets } = device(busyPeer)
    const shown = deviceJson({ snapshot: { ...snapshot, fwmark: 1 }, secrets }, json())
    expect(Object.keys(shown)).toEqual(Object.keys(documented))
    const [peer] = Object.values(shown['peers'] as Record<string, object>)
    expect(Object.keys(peer!)).toEqual(Object.keys(Object.values(documented.peers)[0]!))
  })

  test('leaves out what is not set', () => {
    const empty = {
      snapshot: { publicKey: null, listenPort: 0, fwmark: null, peers: [peer(2)] },
      secrets: { privateKey: null, presharedKeys: [null] },
    }
    expect(deviceJson(empty, json())).toEqual({ peers: { [key(2)]: { state: 'never', allowedIps: [] } } })
  })

  test('calls a peer idle once its session is over', () => {
    const states = [179, 180].map((seconds) =>
      deviceJson(device(peer(1, { lastHandshakeTimeNs: ago(seconds) })), json()),
    )
    expect(states.map((each) => (each['peers'] as Record<string, { state: string }>)[key(1)]!.state)).toEqual([
      'up',
      'idle',
    ])
  })

  test('is JSON that people can read, too', () => {
    const value = { a: [1, 2n, 'x\n'], b: {}, c: [] }
    expect(jsonText(value, '\t')).toBe('{\n\t"a": [\n\t\t1,\n\t\t2,\n\t\t"x\\n"\n\t],\n\t"b": {},\n\t"c": []\n}')
    expect(JSON.parse(jsonText(value))).toEqual({ a: [1, 2, 'x\n'], b: {}, c: [] })
  })
})

describe('units', () => {
  test.each([
    [0n, '0 B'],
    [1023n, '1023 B'],
    [1024n, '1.00 KiB'],
    [1_048_575n, '1024.00 KiB'],
    [2n ** 40n, '1.00 TiB'],
    [2n ** 64n - 1n, '16777216.00 TiB'],
  ])('%d bytes are %s', (bytes, expected) => expect(bytesText(bytes, NO_COLOURS)).toBe(expected))

  test.each([
    [1, '1 second'],
    [3600, '1 hour'],
    [65_535, '18 hours, 12 minutes, 15 seconds'],
    [400 * 86_400 + 61, '1 year, 35 days, 1 minute, 1 second'],
  ])('%d seconds are %s', (seconds, expected) => expect(durationText(seconds, NO_COLOURS)).toBe(expected))

  test('an age is Now, past, or a clock that went backward', () => {
    expect(ageText(NOW, NOW, NO_COLOURS)).toBe('Now')
    expect(ageText(NOW - 1, NOW, NO_COLOURS)).toBe('1 second ago')
    expect(ageText(NOW + 1, NOW, NO_COLOURS)).toMatch(/^\(System clock wound backward/)
  })

  test('are short where there is little room', () => {
    expect([0, 1023, 1024, 12_345_678, 2 ** 50].map(shortBytesText)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '11.8 MiB',
      '1024 TiB',
    ])
    expect([-5, 0, 65, 3600, 90_061].map(shortDurationText)).toEqual(['0s', '0s', '1m 5s', '1h', '1d 1h'])
  })
})

test('colours go to terminals only, unless WG_COLOR_MODE says otherwise', () => {
  expect(outputPalette({ WG_COLOR_MODE: 'always', NO_COLOR: '1' }).bold).not.toBe('')
  expect(outputPalette({ WG_COLOR_MODE: 'never' }).bold).toBe('')
  expect(outputPalette({ NO_COLOR: '1' }).bold).toBe('')
})
