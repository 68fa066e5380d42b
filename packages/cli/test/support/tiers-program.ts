/**
 * Prints how many calls it took until V8 had compiled a function for good: V8's own way, or with `early` that of a tunnel.
 * To be run with --allow-natives-syntax and --no-concurrent-recompilation.
 */
import { runInThisContext } from 'node:vm'
import { canCompileEarly, compileEarly } from '../../src/internal/compile-early.js'

/** Of the status that V8 tells; not set for Maglev's code. */
const TURBOFAN = 1 << 6
const MAX_CALLS = 20_000

if (process.argv[2] === 'early') compileEarly()
const status = runInThisContext('(f) => %GetOptimizationStatus(f)') as (f: unknown) => number
// Made late, so that no compiler has seen it: several hundred bytes of bytecode, as the routines of a device have.
const body = Array.from({ length: 40 }, (_, i) => `x = (x * ${i + 3} + ${i}) % 65521;`).join('\n')
const routine = runInThisContext(`(x) => { ${body} return x }`) as (x: number) => number

let calls = 0
if (canCompileEarly()) while (calls < MAX_CALLS && (status(routine) & TURBOFAN) === 0) routine(calls++)
console.log(calls)
