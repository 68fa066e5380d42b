import qrcode from 'qrcode-generator'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { renderQr } from '../../src/internal/tunnels/qr.js'

/** True where the code is dark, quiet zone included. */
function modulesOf(text: string): boolean[][] {
  const rows: boolean[][] = []
  for (const line of stripVTControlCharacters(text).trimEnd().split('\n')) {
    rows.push(Array.from(line).map((character) => character === ' ' || character === '▄'))
    rows.push(Array.from(line).map((character) => character === ' ' || character === '▀'))
  }
  return rows
}

test('the code on the screen is the code of the text, with white around it', () => {
  const text = '[Interface]\nAddress = 10.0.0.2/32\n# Name = Büro\n'
  const code = qrcode(0, 'L')
  code.addData(Buffer.from(text, 'utf8').toString('latin1'), 'Byte')
  code.make()
  const size = code.getModuleCount()
  const shown = modulesOf(renderQr(text, 80))
  for (let row = -2; row < size + 2; row++) {
    for (let column = -2; column < size + 2; column++) {
      const inside = row >= 0 && column >= 0 && row < size && column < size
      expect(shown[row + 2]![column + 2], `${row},${column}`).toBe(inside && code.isDark(row, column))
    }
  }
})

test('a terminal that is too narrow, and a text that is too long, are errors that say so', () => {
  expect(() => renderQr('x'.repeat(300), 40)).toThrow(/columns wide, the terminal 40/)
  expect(() => renderQr('x'.repeat(4000), 400)).toThrow(/too long for a code/)
})
