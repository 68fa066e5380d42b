/**
 * When V8 compiles the code of a tunnel. As it comes it waits for thousands of calls, and starts to count again whenever
 * code meets something new, such as the first IPv6 packet: for a tunnel that carries a few packets a second that is hours
 * away. Until then each packet takes a third longer. docs/decisions/0007-parked-thread.md has figures.
 */
import v8 from 'node:v8'

/** Large enough for the way of a packet to become one function. */
const INLINING = '--max-inlined-bytecode-size-cumulative=3000'
const AFTER_SOMETHING_NEW = '--minimum-invocations-after-ic-update=20'

/** By major version of V8, those of Node 20, 22 and 24: an unknown flag would be a complaint on stderr. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  11: ['--interrupt-budget=2000', '--ticks-before-optimization=1', AFTER_SOMETHING_NEW, INLINING],
  12: ['--invocation-count-for-turbofan=100', AFTER_SOMETHING_NEW, INLINING],
  13: ['--invocation-count-for-turbofan=100', '--invocation-count-for-maglev=20', AFTER_SOMETHING_NEW, INLINING],
}

/** For the whole process, from now on; a program's decision, not a library's. Elsewhere than in Node it does nothing. */
export function compileEarly(): void {
  if ('bun' in process.versions || 'deno' in process.versions) return
  for (const flag of FLAGS[process.versions.v8.split('.')[0]!] ?? []) v8.setFlagsFromString(flag)
}
