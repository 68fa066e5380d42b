import { expect, test } from 'vitest'
import { microTable } from '../src/micro/table.js'
import { chooseCases, timeCases } from '../src/micro/timing.js'

test('every case runs here and takes time', () => {
  const rows = timeCases(chooseCases([]), 1, 0.2)
  expect(rows.length).toBeGreaterThan(60)
  for (const { name, samples } of rows) {
    expect(samples, name).toHaveLength(1)
    expect(samples[0], name).toBeGreaterThan(0)
  }
})

test('names tell what there is: sizes, roles, peers, both ways of UAPI', () => {
  for (const text of ['seal 64 B', 'open 576 B', 'seal 1440 B']) expect(chooseCases([text])).toHaveLength(3)
  expect(chooseCases(['HANDSHAKE, initiator', 'handshake, responder'])).toHaveLength(3)
  expect(chooseCases(['lookup, 1 peer', 'lookup, 100 peers', 'lookup, 10000 peers'])).toHaveLength(6)
  expect(chooseCases(['no such case'])).toEqual([])
})

test('the table has a column for each runtime and says what one cannot do', () => {
  const runs = [
    { runtime: 'node', version: '20', rows: [{ name: 'a case', samples: [1500, 1200, 1300] }] },
    { runtime: 'bun', version: '1', rows: [{ name: 'a case', samples: [] }] },
  ]
  expect(microTable(runs).split('\n')).toEqual(['                  node 20  bun 1', 'a case  1.20 µs (1.30 µs)      –'])
})
