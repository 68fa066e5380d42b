/** Cleans up after a run, also after one that was killed. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

/**
 * Ends every process of the namespaces, twice: one may have started another meanwhile. Interfaces go with their namespaces,
 * sockets and temporary files do not. It ignores the signals that a terminal sends to the whole group.
 */
const SCRIPT = `
trap '' INT TERM HUP
cat >/dev/null
sockets=$1 folder=$2
shift 2
for turn in 1 2; do
  for name in "$@"; do ip netns pids "$name" 2>/dev/null | xargs -r kill -9 2>/dev/null; done
done
for name in "$@"; do ip netns delete "$name" 2>/dev/null; done
rm -rf "$folder" "$sockets"*.sock
exit 0
`

/** A shell that waits for the end of its input: that ends when we close it, and also when SIGKILL ends us. */
export class Guardian {
  readonly #shell: ChildProcess

  constructor(namespaces: readonly string[], socketPrefix: string, folder: string) {
    const args = ['-c', SCRIPT, 'guardian', socketPrefix, folder, ...namespaces]
    this.#shell = spawn('sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true, cwd: '/' })
  }

  end(): Promise<void> {
    if (this.#shell.exitCode !== null) return Promise.resolve()
    return new Promise((resolve) => {
      this.#shell.once('close', () => resolve())
      this.#shell.stdin!.end()
    })
  }
}
