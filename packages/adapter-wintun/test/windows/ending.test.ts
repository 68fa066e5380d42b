/** How a process ends that has an adapter open. */
import { expect, test } from 'vitest'
import { runProgram } from '../../../ffi/test/windows/child.js'

const run = (scenario: string, limitMs = 90_000): ReturnType<typeof runProgram> =>
  runProgram(import.meta.url, './ending-program.js', [scenario], limitMs)

test('process.exit while the port waits for packets ends the process at once', async () => {
  const { code, output } = await run('exit-while-waiting')
  expect(code).toBe(7)
  expect(Date.now() - Number(/exit at (\d+)/.exec(output)?.[1])).toBeLessThan(10_000)
})

test('process.exit in the middle of traffic ends the process without a crash', async () => {
  expect((await run('exit-in-traffic')).code).toBe(7)
})

test('a worker that is terminated with an open port takes nobody along', async () => {
  const { code, output } = await run('terminate-worker')
  expect(output).toMatch(/alive after the worker\n/)
  expect(code).toBe(0)
})

test('a driver that logs a thousand lines a second stops no creating, closing or exiting', async () => {
  const { code, output } = await run('chatter')
  expect(output).toMatch(/opened and closed 10 times, violations 0\n/)
  expect(code).toBe(7)
})

test('an open port keeps its process alive, and a closed one does not', async () => {
  expect(await run('stay-until-closed')).toMatchObject({ code: 0, output: 'closed\n' })
})
