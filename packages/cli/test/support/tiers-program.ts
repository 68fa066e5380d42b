/**
 * Prints how many calls it took until V8 had compiled a function for good: V8's own way, or with `early` that of a tunnel.
 * To be run with --allow-natives-syntax.
 */
import { setTimeout } from 'node:timers/promises'
import { runInThisContext } from 'node:vm'
import { compileEarly } from '../../src/internal/compile-early.js'

const TURBOFAN = 1 << 6
const OPTIMIZED = 1 << 4
const MAX_CALLS = 20_000

if (process.argv[2] === 'early') compileEarly()
const status = runInThisContext('(f) => %GetOptimizationStatus(f)') as (f: unknown) => number
// Made late, so that no compiler has seen it: several hundred bytes of bytecode, as the routines of a device have.
const body = Array.from({ length: 40 }, (_, i) => `x = (x * ${i + 3} + ${i}) % 65521;`).join('\n')
const routine = runInThisContext(`(x) => { ${body} return x }`) as (x: number) => number

const isCompiled = (): boolean => (status(routine) & (OPTIMIZED | TURBOFAN)) !== 0
let calls = 0
for (let sum = 0; calls < MAX_CALLS && !isCompiled(); calls++) {
  sum += routine(calls)
  // As packets come, with pauses: the compiler has another thread.
  if (calls % 4 === 3 || sum < 0) await setTimeout(1)
}
console.log(calls)
