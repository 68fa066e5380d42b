/** C calls on a thread of libuv's pool, as promises, with the error code that belongs to them. */
import { lastError } from '../errno.js'
import type { CTable, CTypes, CType } from '../library.js'

/** What a call gave that ran on another thread. */
export interface Outcome<R> {
  readonly result: R
  /** `GetLastError` of that call; of no meaning when it succeeded. After the promise has settled there is no way to learn it. */
  readonly lastError: number
}

type Arguments<A extends readonly CType[]> = { -readonly [I in keyof A]: CTypes[A[I]] }
type Result<R extends CType> = R extends 'void *' ? bigint | null : CTypes[R]

/** The functions of a table, each with a promise. */
export type BoundAsync<T extends CTable> = {
  readonly [K in keyof T]: (...args: Arguments<T[K][2]>) => Promise<Outcome<Result<T[K][1]>>>
}

interface Asynchronous {
  async(...args: unknown[]): void
}

/** Memory among the arguments is kept until the call has returned. */
export function offThread(native: unknown): (...args: unknown[]) => Promise<Outcome<unknown>> {
  const { async: call } = native as Asynchronous
  return (...args) =>
    new Promise((resolve, reject) => {
      call(...args, (error: unknown, result: unknown) => {
        // koffi carries the pool thread's code over into this callback, and no further.
        const code = lastError()
        void args.length
        if (error !== null && error !== undefined) reject(error as Error)
        else resolve({ result, lastError: code })
      })
    })
}
