import { expect, test } from 'vitest'
import { Gate } from '../../../src/shell/internal/gate.js'

test('opens for everyone who waits, and forgets', async () => {
  const gate = new Gate()
  gate.open()
  const waits = [gate.wait(), gate.wait(), gate.wait(new AbortController().signal)]
  expect(gate.isAwaited).toBe(true)
  gate.open()
  await Promise.all(waits)
  expect(gate.isAwaited).toBe(false)
})

test('one who gives up leaves the others waiting', async () => {
  const gate = new Gate()
  const giving = new AbortController()
  const [impatient, patient] = [gate.wait(giving.signal), gate.wait()]
  giving.abort()
  await expect(impatient).rejects.toMatchObject({ code: 'ABORTED' })
  await expect(gate.wait(giving.signal)).rejects.toMatchObject({ code: 'ABORTED' })
  gate.open()
  await patient
})

test('a failure is for those who wait and for those who come later, and stays the first one', async () => {
  const gate = new Gate()
  const waiting = gate.wait()
  gate.fail(new Error('first'))
  gate.fail(new Error('second'))
  await expect(waiting).rejects.toThrow('first')
  await expect(gate.wait()).rejects.toThrow('first')
})
