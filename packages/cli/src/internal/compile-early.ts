/**
 * When V8 compiles the code of a tunnel. As it comes it waits for hundreds or thousands of calls, and starts to count again
 * whenever code meets something new, such as the first IPv6 packet: a tunnel that carries a few packets a second may never
 * get there, and each packet takes up to a third longer. docs/decisions/0007-parked-thread.md has figures.
 */
import v8 from 'node:v8'

/** Large enough for the way of a packet to become one function. */
const INLINING = '--max-inlined-bytecode-size-cumulative=3000'
const AFTER_SOMETHING_NEW = '--minimum-invocations-after-ic-update=20'

/** By version of V8, those of Node 20, 22 and 24: an unknown flag would be a complaint on stderr. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  '11.3': ['--interrupt-budget=2000', '--ticks-before-optimization=1', AFTER_SOMETHING_NEW, INLINING],
  '12.4': ['--invocation-count-for-turbofan=100', AFTER_SOMETHING_NEW, INLINING],
  '13.6': ['--invocation-count-for-turbofan=100', '--invocation-count-for-maglev=20', AFTER_SOMETHING_NEW, INLINING],
}

/** Whether {@link compileEarly} does anything in this runtime. */
export function canCompileEarly(): boolean {
  return !('bun' in process.versions || 'deno' in process.versions) && flagsHere() !== undefined
}

/**
 * For the whole process, from now on: a program's decision, not a library's. To be called once a tunnel is open, or V8 would
 * compile what only starts it.
 */
export function compileEarly(): void {
  if (canCompileEarly()) for (const flag of flagsHere()!) v8.setFlagsFromString(flag)
}

function flagsHere(): readonly string[] | undefined {
  return FLAGS[process.versions.v8.split('.', 2).join('.')]
}
