/** Two network namespaces on a veth pair, and this thread in one of them for the length of a call. */
import { execFileSync } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { check } from '@wireweave/ffi/errno'
import { bind } from '@wireweave/ffi/library'
import { CLONE_NEWNET } from '@wireweave/ffi/linux'

/** What this machine lacks for {@link Namespaces}, or `null`. */
export function missingForNamespaces(): string | null {
  if (process.platform !== 'linux') return 'Linux'
  if (process.getuid?.() !== 0) return 'root'
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore' })
    return null
  } catch {
    return 'ip from iproute2'
  }
}

export class Namespaces {
  readonly a: string
  readonly b: string

  /** `a` has `va` and `b` has `vb`, both up, without addresses. */
  constructor(tag: string) {
    this.a = `ww-${tag}-${process.pid}-a`
    this.b = `ww-${tag}-${process.pid}-b`
    for (const name of [this.a, this.b]) {
      ip('netns', 'add', name)
      ip('-n', name, 'link', 'set', 'lo', 'up')
    }
    ip('link', 'add', 'va', 'netns', this.a, 'type', 'veth', 'peer', 'name', 'vb', 'netns', this.b)
    ip('-n', this.a, 'link', 'set', 'va', 'up')
    ip('-n', this.b, 'link', 'set', 'vb', 'up')
  }

  ip(name: string, ...args: readonly string[]): void {
    ip('-n', name, ...args)
  }

  interfaceIndex(name: string, device: string): number {
    const shown = execFileSync('ip', ['-n', name, '-j', 'link', 'show', device], { encoding: 'utf8' })
    return (JSON.parse(shown) as { ifindex: number }[])[0]!.ifindex
  }

  /** Sockets that `make` opens before it first awaits belong to the namespace for good. */
  inside<T>(name: string, make: () => T): T {
    const libc = bind(null, { setns: ['setns', 'int', ['int', 'int']] })
    const home = openSync('/proc/thread-self/ns/net', 'r')
    const there = openSync(`/var/run/netns/${name}`, 'r')
    check(libc.setns(there, CLONE_NEWNET), 'setns')
    try {
      return make()
    } finally {
      check(libc.setns(home, CLONE_NEWNET), 'setns')
      closeSync(there)
      closeSync(home)
    }
  }

  remove(): void {
    for (const name of [this.a, this.b]) execFileSync('ip', ['netns', 'del', name], { stdio: 'ignore' })
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
