import { formatKey } from '@wireweave/tunnel/keys'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseConf, readConf } from '../src/conf/conf.js'
import { parseDocument, printDocument } from '../src/conf/document.js'
import { removePeer, setValues } from '../src/conf/edit.js'
import { stripConf } from '../src/conf/format.js'
import { lintConf } from '../src/conf/lint.js'
import { formatProblem } from '../src/conf/problem.js'
import { anyConf, validConf } from './support/conf-text.js'

test('any text prints as it was read', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ unit: 'binary' }), anyConf),
      (text) => printDocument(parseDocument(text)) === text,
    ),
  )
})

test('any text is read and linted without an exception', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), anyConf), (text) => {
      expect(readConf(text).problems.length).toBeLessThanOrEqual(lintConf(text, { mode: 0o644 }).length)
    }),
  )
})

test('no message contains eight characters in a row of a key', () => {
  fc.assert(
    fc.property(anyConf, (text) => {
      const messages = lintConf(text)
        .map((problem) => formatProblem(problem, 'f'))
        .join('\n')
      for (const [key] of text.matchAll(/[A-Za-z0-9+/]{43}=/g)) {
        for (let i = 0; i + 8 <= key.length; i++) expect(messages).not.toContain(key.slice(i, i + 8))
      }
    }),
  )
})

test('what strip leaves means the same to the device', () => {
  fc.assert(
    fc.property(validConf, (text) => {
      const before = parseConf(text, 'f')
      const after = parseConf(stripConf(before.document), 'f')
      expect(after.device).toEqual(before.device)
      expect(after.peers.map((peer) => ({ ...peer, line: 0 }))).toEqual(
        before.peers.map((peer) => ({ ...peer, line: 0 })),
      )
      expect(after.quick.addresses).toEqual([])
    }),
  )
})

test('setting a value changes that value and no other line', () => {
  fc.assert(
    fc.property(validConf, fc.integer({ min: 1, max: 65535 }), (text, port) => {
      const { document } = parseConf(text, 'f')
      const section = document.sections.find(({ name }) => name === 'interface')!
      const edited = setValues(document, section, 'ListenPort', [String(port)])
      expect(parseConf(printDocument(edited), 'f').device.listenPort).toBe(port)
      const added = edited.lines.filter((line) => line.name === 'listenport')
      expect(added).toHaveLength(1)
      expect(edited.lines.filter((line) => line.name !== 'listenport')).toEqual(document.lines)
      const removed = setValues(
        edited,
        edited.sections.find(({ name }) => name === 'interface')!,
        'ListenPort',
        [],
      )
      expect(printDocument(removed)).toBe(text)
    }),
  )
})

test('removing a peer removes that peer and leaves the others as they were', () => {
  fc.assert(
    fc.property(validConf, (text) => {
      const before = parseConf(text, 'f')
      for (const { publicKey } of before.peers) {
        const after = parseConf(printDocument(removePeer(before.document, publicKey)), 'f')
        const others = before.peers.filter((peer) => formatKey(peer.publicKey) !== formatKey(publicKey))
        const meaning = (list: typeof others): unknown => list.map(({ line: _line, name: _name, ...rest }) => rest)
        expect(meaning(after.peers as typeof others)).toEqual(meaning(others))
      }
    }),
  )
})

test('time grows with the length of the text, not faster', () => {
  const peer = (i: number): string =>
    `[Peer]\nPublicKey = ${Buffer.from(`peer ${i}`.padEnd(32)).toString('base64')}\nAllowedIPs = 10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32\n`
  const text = `[Interface]\n${Array.from({ length: 20_000 }, (_, i) => peer(i)).join('')}`
  const start = process.cpuUsage()
  expect(readConf(text).conf.peers).toHaveLength(20_000)
  for (const hostile of [
    'a'.repeat(1e6),
    '='.repeat(1e6),
    '[Peer]\n'.repeat(1e5),
    `[Interface]\nAddress = ${',1'.repeat(2e5)}`,
    `[Interface]\n${'x = 1\n'.repeat(2e5)}`,
    ` ${'\t '.repeat(5e5)}x`,
  ]) {
    lintConf(hostile)
  }
  // Of the processor, which others may have for longer.
  expect(process.cpuUsage(start).user / 1000).toBeLessThan(15_000)
})
