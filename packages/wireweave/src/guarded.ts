/** Someone who is there when we are killed, or have given up our rights: nobody can clean up after himself then. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { Socket } from 'node:net'
import { fileURLToPath } from 'node:url'

/** Waits for a word. `done` sends it home, `clean` makes it the guard; so does our end, when it comes without a word. */
const SCRIPT = 'read -r word; case "$word" in done) exit;; "") [ "$4" = clean ] || exit;; esac; exec "$1" "$2" "$3"'

export interface Guard {
  /** All is well: there is nothing to remove. */
  dismiss(): void
  /** Removes what is left now that the tunnel is closed; resolves when that is done. */
  clean(): Promise<void>
}

/** A sleeping shell, which costs about a megabyte. `atOurEnd` says what it does when we are killed. */
export function startGuard(name: string, atOurEnd: 'clean' | 'stay'): Guard | null {
  const program = fileURLToPath(new URL('./guard.js', import.meta.url))
  // Run from sources there is none.
  if (!existsSync(program)) return null
  const args = ['-c', SCRIPT, 'sh', process.execPath, program, name, atOurEnd]
  const child = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  // Without a shell there is no guard; nothing else suffers.
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  // Of a child it is a socket.
  const stdin = child.stdin as unknown as Socket
  stdin.unref()
  return {
    dismiss: () => void stdin.end('done\n'),
    clean: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.ref()
      const exit = once(child, 'exit')
      stdin.end('clean\n')
      await exit
    },
  }
}
