import fc from 'fast-check'
import { parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import { describe, expect, test } from 'vitest'
import { COLOURS, NO_COLOURS } from '../../src/internal/interfaces/palette.js'
import { fitText, textWidth } from '../../src/internal/interfaces/text-width.js'
import { ChangeLines, jsonLines } from '../../src/internal/interfaces/watch-lines.js'
import type { Sample } from '../../src/internal/interfaces/watch-samples.js'
import { watchTable } from '../../src/internal/interfaces/watch-table.js'
import { NOW, ago, busyPeer, device, peer } from './device.js'
import type { DeviceState } from 'wireweave/interfaces'

const key = (n: number): string => Buffer.alloc(32, n).toString('base64')

function sampleOf(state: DeviceState, time = NOW): Sample {
  const names = new Map([[key(1), 'laptop of Ada']])
  const rates = new Map([[key(1), { rx: 1536, tx: 0 }]])
  return { time, interfaces: [{ name: 'wg0', state, problem: null, names, rates }] }
}

const tableOf = (sample: Sample, columns: number, rows = 24): string[] =>
  watchTable(sample, { columns, rows, palette: NO_COLOURS, intervalSeconds: 2 })

describe('the table of watch', () => {
  test('has at 80 columns what matters most, at 120 more', () => {
    const state = device(busyPeer, peer(2, { endpoint: parseEndpoint('[2001:db8::1234:5678]:51820')! }))
    const narrow = tableOf(sampleOf(state), 80)
    expect(narrow[2]).toBe('wg0  port 51820   2 peers, 1 up   rx 1.5 KiB/s   tx 0 B/s')
    expect(narrow[3]!.split(/ {2,}/)).toEqual(['peer', 'state', 'handshake', 'rx/s', 'tx/s', 'received', 'sent'])
    expect(narrow[4]).toMatch(/^laptop of Ada +up +1m 5s +1\.5 KiB +0 B +2\.2 KiB +1048576…$/)
    expect(narrow[5]).toMatch(/^AgICAg.*… +never +- +0 B/)
    const wide = tableOf(sampleOf(state), 120)
    expect(wide[3]).toMatch(/sent +endpoint$/)
    expect(wide[4]).toMatch(/ 192\.0\.2\.1:51820$/)
  })

  test('keeps to the terminal, whatever its size and whatever there is to show', () => {
    const anyPeer = fc.record({
      n: fc.nat(250),
      seconds: fc.option(fc.nat(10_000_000)),
      rx: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    })
    const state = fc.array(anyPeer, { maxLength: 30 }).map((peers) =>
      device(
        ...peers.map(({ n, seconds, rx }) =>
          peer(n, {
            rxBytes: rx,
            lastHandshakeTimeNs: seconds === null ? null : ago(seconds),
            endpoint: parseEndpoint('[2001:db8:1234:5678:9abc:def0:1234:5678]:51820')!,
            allowedIps: [parsePrefix('10.0.0.0/8')!],
          }),
        ),
      ),
    )
    fc.assert(
      fc.property(state, fc.integer({ min: 40, max: 250 }), fc.integer({ min: 5, max: 50 }), (one, columns, rows) => {
        const lines = tableOf(sampleOf(one), columns, rows)
        expect(lines.length).toBeLessThanOrEqual(rows)
        expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(columns)
      }),
      { numRuns: 50 },
    )
  })

  test('has those that are up first, and counts those that do not fit', () => {
    const peers = Array.from({ length: 40 }, (_, n) => peer(n, n === 39 ? { lastHandshakeTimeNs: ago(1) } : {}))
    const lines = tableOf(sampleOf(device(...peers)), 80, 12)
    expect(lines[4]).toContain(key(39).slice(0, 10))
    expect(lines.at(-1)).toMatch(/^… and 3\d more$/)
  })

  test('gives each interface the lines it needs, and what is left to those that need more', () => {
    const many = Array.from({ length: 40 }, (_, n) => peer(n))
    const { interfaces } = sampleOf(device(peer(1)))
    const small = ['wg1', 'wg2', 'wg3'].map((name) => ({ ...interfaces[0]!, name }))
    const large = { ...interfaces[0]!, state: device(...many) }
    const lines = tableOf({ time: NOW, interfaces: [large, ...small] }, 80, 25)
    expect(lines).toHaveLength(25)
    expect(lines.filter((line) => line.startsWith('laptop of Ada'))).toHaveLength(3)
    expect(lines[12]).toBe('… and 32 more')
    // Where there is no room, names alone; titles without peers would say nothing.
    const short = tableOf({ time: NOW, interfaces: [large, { ...large, name: 'wg1' }] }, 80, 7)
    expect(short.map((line) => line.slice(0, 3))).toEqual(['wir', '', 'wg0', '', 'wg1'])
  })

  test('colours the state alone of a row, and idle so that it can be read on white', () => {
    const options = { columns: 80, rows: 24, palette: COLOURS, intervalSeconds: 2 }
    const row = watchTable(sampleOf(device(busyPeer)), options)[4]!
    expect(row).toContain('  \u001B[32mup\u001B[0m')
    expect(row.split('\u001B')).toHaveLength(3)
    const idle = watchTable(sampleOf(device(peer(1, { lastHandshakeTimeNs: ago(1000) }))), options)[4]!
    expect(idle).toContain('  \u001B[35midle\u001B[0m')
  })

  test('says what is wrong with an interface, and that there is none', () => {
    const broken = { name: 'wg0', state: null, problem: 'it is gone', names: new Map(), rates: new Map() }
    expect(tableOf({ time: NOW, interfaces: [broken] }, 80).at(-1)).toBe('wg0  it is gone')
    expect(tableOf({ time: NOW, interfaces: [] }, 80).at(-1)).toBe('No interface runs.')
  })
})

describe('the lines of watch', () => {
  test('come for what is new only', () => {
    const changes = new ChangeLines()
    expect(changes.next(sampleOf(device(busyPeer, peer(2))))).toEqual([
      '2027-01-15T08:00:00Z wg0: 2 peers',
      '2027-01-15T08:00:00Z wg0 laptop of Ada: up, handshake 1m 5s ago, rx 1.5 KiB/s, tx 0 B/s',
      `2027-01-15T08:00:00Z wg0 ${key(2)}: never, rx 0 B/s, tx 0 B/s`,
    ])
    expect(changes.next(sampleOf(device(busyPeer, peer(2)), NOW + 2))).toEqual([])
    expect(changes.next(sampleOf(device(busyPeer, peer(2, { rxBytes: 1n })), NOW + 4))).toHaveLength(1)
    expect(changes.next({ time: NOW + 6, interfaces: [] })).toEqual(['2027-01-15T08:00:06Z wg0: the interface is gone'])
  })

  test('of JSON are one for each interface, without secrets', () => {
    const [line, ...more] = jsonLines(sampleOf(device(busyPeer)), false)
    expect(more).toEqual([])
    expect(JSON.parse(line!)).toMatchObject({
      time: NOW,
      interface: 'wg0',
      privateKey: '(hidden)',
      peers: { [key(1)]: { name: 'laptop of Ada', rxBytesPerSecond: 1536, txBytesPerSecond: 0 } },
    })
  })
})

describe('text', () => {
  test.each([
    ['abc', 3],
    ['東京', 4],
    ['e\u0301', 1],
    ['🦊', 2],
  ])('%s takes %d columns', (text, width) => expect(textWidth(text)).toBe(width))

  test('is cut between characters, never within', () => {
    expect(fitText('東京 office', 4)).toBe('東… ')
    expect(fitText('abc', 5, 'right')).toBe('  abc')
    expect(fitText('abc', 0)).toBe('')
  })
})
