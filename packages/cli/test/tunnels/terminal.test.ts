import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { styleOf, table, wrap } from '../../src/internal/terminal.js'

test('wrap breaks at spaces, and leaves a word that is too wide alone', () => {
  expect(wrap('one two three', 8)).toEqual(['one two', 'three'])
  expect(wrap('abcdefghijkl mn', 5)).toEqual(['abcdefghijkl', 'mn'])
  expect(wrap('a\nb c', 80)).toEqual(['a', 'b c'])
})

test('columns are as wide as they need to be whatever their colours; the last one is wrapped', () => {
  const { red } = styleOf(1, { WG_COLOR_MODE: 'always' })
  const text = table(
    [
      ['a', 'long words that do not fit at all'],
      [red('bbbb'), ''],
    ],
    30,
  )
  expect(stripVTControlCharacters(text)).toBe('a     long words that do not\n      fit at all\nbbbb\n')
})

test('colours where they are wanted: WG_COLOR_MODE, then NO_COLOR, then a terminal', () => {
  expect(styleOf(1, { WG_COLOR_MODE: 'always', NO_COLOR: '1' }).green('x')).toBe('\u001B[32mx\u001B[39m')
  expect(styleOf(1, { WG_COLOR_MODE: 'never' }).green('x')).toBe('x')
  expect(styleOf(1, { NO_COLOR: '1' }).bold('x')).toBe('x')
})
