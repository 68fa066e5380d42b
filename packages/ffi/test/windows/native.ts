/** The DLLs that the rig built for tests. */
import path from 'node:path'

export function native(file: string): string {
  const folder = process.env['WIREWEAVE_NATIVE']
  if (folder === undefined) throw new Error('run these tests with `npm run test:windows`')
  return path.win32.join(folder, file)
}

/** Of threads.dll. */
export const THREADS = {
  startTicking: ['StartTicking', 'int32_t', ['uint32_t']],
  ticks: ['Ticks', 'int32_t', []],
  setLogger: ['SetLogger', 'void', ['void *']],
  startLogging: ['StartLogging', 'int32_t', ['uint32_t']],
  stopLogging: ['StopLogging', 'uint32_t', []],
  delivered: ['Delivered', 'int32_t', []],
  failWith: ['FailWith', 'int32_t', ['uint32_t', 'uint32_t']],
} as const

export const THREADS_SLOW = { failWith: THREADS.failWith, stopLogging: THREADS.stopLogging } as const
