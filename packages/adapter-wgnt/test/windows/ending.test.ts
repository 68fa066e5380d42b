/** How a process ends that has a tunnel. */
import { expect, test } from 'vitest'
import { runProgram } from '../../../ffi/test/windows/child.js'

const run = (scenario: string): ReturnType<typeof runProgram> =>
  runProgram(import.meta.url, './ending-program.js', [scenario])

test('process.exit while the driver is being installed ends the process', async () => {
  expect(await run('exitWhileCreating')).toMatchObject({ code: 7 })
})

test('process.exit while a thousand lines a second are logged ends the process without a crash', async () => {
  expect(await run('exitWhileLogging')).toMatchObject({ code: 7 })
})

test('the worker that opened a tunnel may be terminated: the library stays', async () => {
  expect(await run('terminateWorker')).toMatchObject({ code: 0, output: 'alive 0\n' })
})

test('an open tunnel keeps its process alive, and a closed one does not', async () => {
  expect(await run('stayUntilClosed')).toMatchObject({ code: 0, output: 'closed\n' })
})
