import { expect, test } from 'vitest'
import { RemoteIndices } from '../../src/core/remote-indices.js'

test('an index that two sessions have is there until both are gone', () => {
  const indices = new RemoteIndices()
  indices.add(0xffff_fffe)
  indices.add(-2)
  indices.remove(-2)
  expect(indices.has(0xffff_fffe)).toBe(true)
  indices.remove(0xffff_fffe)
  expect(indices.has(-2)).toBe(false)
})
