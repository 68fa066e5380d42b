/** Someone who is there when we are killed: nobody can clean up after himself then. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Waits for a line, which says that all is well; at the end of input, which is our end, becomes the guard. */
const SCRIPT = 'read -r line && exit 0; exec "$1" "$2" "$3"'

/** A sleeping shell, which costs about a megabyte. Returns a function that sends it home. */
export function startGuard(name: string): () => void {
  const program = fileURLToPath(new URL('./guard.js', import.meta.url))
  // Run from sources there is none.
  if (!existsSync(program)) return () => {}
  const args = ['-c', SCRIPT, 'sh', process.execPath, program, name]
  const child = spawn('/bin/sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  // Without a shell there is no guard; nothing else suffers.
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  const { stdin } = child
  if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  return () => void stdin.end('done\n')
}
