import { expect, test } from 'vitest'
import { ENDPOINT_BYTES, readEndpoint, writeEndpoint } from '../../src/core/endpoint.js'
import { EndpointTable } from '../../src/core/endpoint-table.js'

const endpoint = (n: number) => ({ address: Uint8Array.of(192, 0, n >>> 8, n), port: 1000 + n })

test('records stay when the table grows, are copied whole, and go alone', () => {
  const table = new EndpointTable()
  for (let slot = 0; slot < 300; slot++) {
    table.reserve(slot + 1)
    expect(table.isKnown(slot)).toBe(false)
    writeEndpoint(table.records, slot * ENDPOINT_BYTES, endpoint(slot))
  }
  table.forget(7)
  const copies = new Int32Array((ENDPOINT_BYTES / 4) * 300)
  for (let slot = 0; slot < 300; slot++) table.copyTo(slot, copies, slot)
  const bytes = new Uint8Array(copies.buffer)
  for (let slot = 0; slot < 300; slot++) {
    expect(table.isKnown(slot)).toBe(slot !== 7)
    expect(readEndpoint(bytes, slot * ENDPOINT_BYTES)).toEqual(slot === 7 ? null : endpoint(slot))
  }
})
