/** Cleans up after a run, also after one that was killed. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

/**
 * Ends every process of the namespaces, twice: one may have started another meanwhile. Interfaces go with their namespaces,
 * sockets and temporary files do not. It ignores the signals that a terminal sends to the whole group. Without the word
 * `done` we were killed, and a command of ours may still be at work: then it looks again for a while.
 */
const SCRIPT = `
trap '' INT TERM HUP
word=$(cat)
sockets=$1 folder=$2
shift 2
sweep() {
  for name in "$@"; do ip netns pids "$name" 2>/dev/null | xargs -r kill -9 2>/dev/null; done
}
remove() {
  sweep "$@"; sweep "$@"
  for name in "$@"; do ip netns delete "$name" 2>/dev/null; done
  rm -rf "$folder" "$sockets"*.sock
}
if [ "$word" != done ]; then
  for turn in 1 2 3 4 5; do sweep "$@"; sleep 0.1; done
  remove "$@"
  sleep 0.5
fi
remove "$@"
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
      this.#shell.stdin!.end('done')
    })
  }
}
