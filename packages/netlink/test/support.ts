/** A network namespace of our own for live tests, and what they need from this machine. */
import { execFileSync } from 'node:child_process'
import { check } from '@wireweave/ffi/errno'
import { bind } from '@wireweave/ffi/library'
import { CLONE_NEWNET } from '@wireweave/ffi/linux'
import { closeSync, openSync } from 'node:fs'

/** The first thing that is missing; `null` when all is there. Throws under CI. */
export function missing(): string | null {
  const what = firstMissing()
  if (what !== null && process.env['CI']) throw new Error(`live netlink tests need ${what}`)
  return what
}

function firstMissing(): string | null {
  if (process.platform !== 'linux') return 'Linux'
  if (process.getuid?.() !== 0) return 'root'
  try {
    execFileSync('ip', ['-V'], { stdio: 'ignore' })
    return null
  } catch {
    return 'ip (apt-get install iproute2)'
  }
}

/** Puts this thread into a fresh namespace until the returned function is called. */
export function isolate(tag: string): () => void {
  const libc = bind(null, { setns: ['setns', 'int', ['int', 'int']] })
  const name = `ww-${tag}-${process.pid}`
  const home = openSync('/proc/thread-self/ns/net', 'r')
  execFileSync('ip', ['netns', 'add', name])
  const there = openSync(`/var/run/netns/${name}`, 'r')
  check(libc.setns(there, CLONE_NEWNET), 'setns')
  closeSync(there)
  execFileSync('ip', ['link', 'set', 'lo', 'up'])
  return () => {
    check(libc.setns(home, CLONE_NEWNET), 'setns')
    closeSync(home)
    execFileSync('ip', ['netns', 'del', name])
  }
}

export function ipJson(...args: string[]): Record<string, unknown>[] {
  return JSON.parse(execFileSync('ip', ['-j', ...args], { encoding: 'utf8' }) || '[]') as Record<string, unknown>[]
}
