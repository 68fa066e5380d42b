import { describe, expect, test } from 'vitest'
import { LogLimit, createLog, logLevelOf } from '../src/internal/log.js'

describe('a log', () => {
  test.each([
    ['verbose', 'verbose'],
    ['debug', 'verbose'],
    ['error', 'error'],
    ['silent', 'silent'],
    ['', 'error'],
    ['VERBOSE', 'error'],
    [undefined, 'error'],
  ])('has the level that LOG_LEVEL=%s names: %s', (text, level) => {
    expect(logLevelOf(text)).toBe(level)
  })

  test('has lines of the form of wireguard-go', () => {
    const lines: string[] = []
    const log = createLog('verbose', 'wg0', (line) => lines.push(line))
    log.verbose('UAPI listener started')
    log.error('something failed')
    expect(lines[0]).toMatch(/^DEBUG: \(wg0\) \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d UAPI listener started\n$/)
    expect(lines[1]).toMatch(/^ERROR: \(wg0\) \d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d something failed\n$/)
  })

  test('leaves out what is below its level', () => {
    const written = (level: 'silent' | 'error' | 'verbose'): number => {
      let count = 0
      const log = createLog(level, 'wg0', () => count++)
      log.verbose('')
      log.error('')
      return count
    }
    expect([written('silent'), written('error'), written('verbose')]).toEqual([0, 1, 2])
  })
})

describe('a limit', () => {
  test('lets a burst through, then nothing until the interval is over, then says how much was left out', () => {
    let now = 0
    const limit = new LogLimit(2, 1000, () => now)
    const lines: string[] = []
    const write = (message: string): void => limit.write(message, (line) => lines.push(line))
    for (const message of ['a', 'b', 'c', 'd']) write(message)
    expect(lines).toEqual(['a', 'b'])
    now = 999
    write('e')
    expect(lines).toEqual(['a', 'b'])
    now = 1000
    write('f')
    expect(lines).toEqual(['a', 'b', '3 lines of this kind were not written', 'f'])
    now = 5000
    write('g')
    expect(lines.slice(4)).toEqual(['g'])
  })
})
