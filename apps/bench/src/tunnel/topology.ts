/** Two network namespaces with a veth pair between them, and a guardian that removes them whatever happens to us. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { command } from './command.js'

export type Side = 'a' | 'b'

export interface Topology extends AsyncDisposable {
  /** Name of the namespace of a side. */
  readonly namespace: Readonly<Record<Side, string>>
  /** Address of a side on the wire between the two. */
  readonly underlay: Readonly<Record<Side, string>>
  /** Runs a command inside a side's namespace. */
  inside(side: Side, file: string, args: readonly string[], seconds?: number): ReturnType<typeof command>
  /** Removes both namespaces and ends every process in them. */
  close(): Promise<void>
}

export async function openTopology(): Promise<Topology> {
  const tag = `wwb${process.pid}`
  const namespace = { a: `${tag}a`, b: `${tag}b` }
  const underlay = { a: '10.254.0.1', b: '10.254.0.2' }
  const guardian = startGuardian(Object.values(namespace))
  const close = (): Promise<void> => endGuardian(guardian)
  try {
    for (const side of ['a', 'b'] as const) await command('ip', ['netns', 'add', namespace[side]])
    const pair = ['link', 'add', 'wire0', 'netns', namespace.a, 'type', 'veth', 'peer', 'name', 'wire0']
    await command('ip', [...pair, 'netns', namespace.b])
    for (const side of ['a', 'b'] as const) {
      await command('ip', ['-n', namespace[side], 'address', 'add', `${underlay[side]}/24`, 'dev', 'wire0'])
      for (const link of ['lo', 'wire0']) await command('ip', ['-n', namespace[side], 'link', 'set', link, 'up'])
    }
  } catch (error) {
    await close()
    throw error
  }
  return {
    namespace,
    underlay,
    inside: (side, file, args, seconds = 20) =>
      command('ip', ['netns', 'exec', namespace[side], file, ...args], { seconds }),
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * A shell that waits for the end of its input and then cleans up. Its input ends when we close it, and also when we are
 * killed with SIGKILL and can no longer clean up ourselves. It ignores the signals a terminal sends to the whole group.
 */
function startGuardian(namespaces: readonly string[]): ChildProcess {
  const script = [
    `trap '' INT TERM HUP`,
    'cat >/dev/null',
    'for ns in "$@"; do ip netns pids "$ns" 2>/dev/null | xargs -r kill -9 2>/dev/null; done',
    'for ns in "$@"; do ip netns delete "$ns" 2>/dev/null; done',
    'exit 0',
  ].join('\n')
  return spawn('sh', ['-c', script, 'guardian', ...namespaces], { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
}

function endGuardian(guardian: ChildProcess): Promise<void> {
  if (guardian.exitCode !== null) return Promise.resolve()
  return new Promise((resolve) => {
    guardian.once('close', () => resolve())
    guardian.stdin!.end()
  })
}
