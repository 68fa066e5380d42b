import { EEXIST, EPERM, SystemError } from '@wireweave/ffi/errno'
import { expect, test } from 'vitest'
import { createNamed } from '../src/name.js'

function creator(taken: readonly string[]): (name: string) => string {
  return (name) => {
    if (taken.includes(name)) throw new SystemError('creating', EEXIST)
    return name
  }
}

test('a name that ends in %d gets the first number that is free', () => {
  expect(createNamed('wg%d', creator([]))).toBe('wg0')
  expect(createNamed('wg%d', creator(['wg0', 'wg1', 'wg3']))).toBe('wg2')
})

test('a name without %d is used as it is, or not at all', () => {
  expect(createNamed('wg0', creator([]))).toBe('wg0')
  expect(() => createNamed('wg0', creator(['wg0']))).toThrow(SystemError)
})

test('any other refusal ends the search', () => {
  let calls = 0
  const refuse = (): never => {
    calls++
    throw new SystemError('creating', EPERM)
  }
  expect(() => createNamed('wg%d', refuse)).toThrow(SystemError)
  expect(calls).toBe(1)
})

test('what cannot be a name never reaches the kernel, and a search ends at 15 characters', () => {
  const fail = (name: string): never => {
    throw new Error(`was asked for ${name}`)
  }
  for (const bad of ['', '.', '..', 'a/b', 'a b', '%d%d', 'wg%d0', 'x'.repeat(16), `${'x'.repeat(15)}%d`]) {
    expect(() => createNamed(bad, fail), bad).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }))
  }
  const taken = Array.from({ length: 10 }, (_, number) => `abcdefghijklmn${number}`)
  expect(() => createNamed('abcdefghijklmn%d', creator(taken))).toThrow(
    expect.objectContaining({ code: 'NAME_INVALID' }),
  )
})
