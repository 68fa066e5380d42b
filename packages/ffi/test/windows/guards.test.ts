/** The three ways in which a DLL with threads stops or kills a Node process, each with its guard and without. */
import { describe, expect, test } from 'vitest'
import { runProgram } from './child.js'

const run = (scenario: string, guard: 'guarded' | 'bare', limitMs?: number): ReturnType<typeof runProgram> =>
  runProgram(import.meta.url, './guards-program.js', [scenario, guard], limitMs)

describe('a call that waits for a thread which logs to us', () => {
  test('off the event loop gets through, with its last line', async () => {
    const { code, output } = await run('join', 'guarded')
    expect(output).toMatch(/joined 0\nlast: the last line\n/)
    expect(code).toBe(0)
  })

  test('on the event loop would wait for ever', async () => {
    expect((await run('join', 'bare')).output).toMatch(/joined 258\n/)
  })
})

describe('a thread of a DLL whose worker has gone', () => {
  test('goes on when the DLL is pinned', async () => {
    const { code, output } = await run('unload', 'guarded')
    expect(output).toMatch(/still ticking\n/)
    expect(code).toBe(0)
  })

  test('would crash the process', async () => {
    const { code, output } = await run('unload', 'bare')
    expect(output).not.toMatch(/still ticking/)
    expect(code).not.toBe(0)
  })
})

describe('process.exit while a thread waits for an event', () => {
  test('ends the process at once', async () => {
    const { code, milliseconds } = await run('exit', 'guarded')
    expect(code).toBe(7)
    expect(milliseconds).toBeLessThan(60_000)
  })

  test('would hang with a wait that has no end', async () => {
    expect((await run('exit', 'bare', 5000)).code).toBeNull()
  })
})

test('process.exit while a DLL logs a thousand lines a second ends the process without a crash', async () => {
  expect(await run('exit-while-logging', 'guarded')).toMatchObject({ code: 7 })
})

test('a worker that ends while a DLL logs to it takes nobody along', async () => {
  const { code, output } = await run('worker-ends-while-logging', 'guarded')
  expect(output).toMatch(/the main thread goes on\n/)
  expect(code).toBe(0)
})
