/** A host of our own: a namespace with an uplink, a fake resolvconf, and everything that can be seen of its network. */
import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { check } from '@wireweave/ffi/errno'
import { bind } from '@wireweave/ffi/library'
import { CLONE_NEWNET } from '@wireweave/ffi/linux'

/** The first thing that is missing for these tests; `null` when all is there. Throws under CI. */
export function missing(programs: readonly string[]): string | null {
  const what = firstMissing(programs)
  if (what !== null && process.env['CI']) throw new Error(`live tests of "up" need ${what}`)
  return what
}

function firstMissing(programs: readonly string[]): string | null {
  if (process.platform !== 'linux') return 'Linux'
  if (process.getuid?.() !== 0) return 'root'
  if (!existsSync('/dev/net/tun')) return '/dev/net/tun'
  return programs.find((program) => !has(program)) ?? null
}

function has(program: string): boolean {
  const places = `${process.env['PATH']}:/usr/sbin:/sbin`.split(':')
  return places.some((place) => existsSync(path.join(place, program)))
}

/** Puts this thread into a namespace whose `up0` leads to a neighbour that answers at 192.0.2.254 and 2001:db8::fe. */
export class Host {
  readonly namespace: string = `ww-up-${process.pid}`
  readonly neighbour: string = `ww-up-${process.pid}-n`
  readonly folder: string = mkdtempSync(path.join(tmpdir(), 'wireweave-up-'))
  readonly #path = process.env['PATH']
  readonly #home = openSync('/proc/thread-self/ns/net', 'r')
  readonly #libc = bind(null, { setns: ['setns', 'int', ['int', 'int']] })

  constructor() {
    for (const name of [this.namespace, this.neighbour]) sh(`ip netns add ${name} && ip -n ${name} link set lo up`)
    this.enter()
    sh(`ip link add up0 type veth peer name down0 netns ${this.neighbour} && ip link set up0 up`)
    sh('ip addr add 192.0.2.1/24 dev up0 && ip addr add 2001:db8::1/64 dev up0 nodad')
    sh('ip route add default via 192.0.2.254 && ip route add default via 2001:db8::fe')
    sh('ip route add 198.51.100.0/24 via 192.0.2.254 mtu 1400')
    const n = `ip -n ${this.neighbour}`
    sh(
      `${n} link set down0 up && ${n} addr add 192.0.2.254/24 dev down0 && ${n} addr add 2001:db8::fe/64 dev down0 nodad`,
    )
    // A busy kernel takes its time to see that the cable is plugged in, and says so in every route.
    sh('for i in $(seq 200); do ip route show table all | grep -q linkdown || exit 0; sleep 0.05; done; exit 1')
    this.#fakeResolvconf()
  }

  /** Logs its arguments and input, as the real one would get them. */
  #fakeResolvconf(): void {
    const file = path.join(this.folder, 'resolvconf')
    writeFileSync(file, `#!/bin/sh\n[ "$1" = -a ] && input="$(cat)"\necho "$* [$input]" >> "${this.folder}/dns.log"\n`)
    chmodSync(file, 0o755)
    process.env['PATH'] = `${this.folder}:${this.#path}`
  }

  enter(): void {
    const there = openSync(`/var/run/netns/${this.namespace}`, 'r')
    check(this.#libc.setns(there, CLONE_NEWNET), 'setns')
    closeSync(there)
  }

  remove(): void {
    check(this.#libc.setns(this.#home, CLONE_NEWNET), 'setns')
    closeSync(this.#home)
    process.env['PATH'] = this.#path
    for (const name of [this.namespace, this.neighbour]) {
      for (const pid of this.daemons(name)) process.kill(pid, 'SIGKILL')
      sh(`ip netns del ${name}`)
    }
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** The path of a configuration file whose interface has this name. */
  write(name: string, text: string): string {
    const file = path.join(this.folder, `${name}.conf`)
    writeFileSync(file, text, { mode: 0o600 })
    return file
  }

  /** Everything about the network that can be seen, interface indices and lifetimes aside. */
  see(): Record<string, unknown> {
    const ip = (command: string): unknown[] => json(`ip -j ${command}`)
    const links = (
      ip('addr show') as { ifname: string; mtu: number; flags: string[]; addr_info: Record<string, unknown>[] }[]
    ).map(({ ifname, mtu, flags, addr_info }) => ({
      ...{ ifname, mtu, isUp: flags.includes('UP') },
      addresses: addr_info
        .filter(({ scope }) => scope !== 'link')
        .map(({ local, prefixlen }) => `${String(local)}/${String(prefixlen)}`),
    }))
    return {
      links,
      routes: [4, 6].map((family) => sortedLines(`ip -${family} route show table all | grep -v -e fe80:: -e ff00::`)),
      rules: [4, 6].map((family) => ip(`-${family} rule show`)),
      // wg-quick on a TUN also protects the link-local address that the kernel made up; those never cross interfaces.
      firewall: sh('nft list ruleset | sed /fe80::/d')
        .split(/^(?=table)/m)
        .sort(),
    }
  }

  /** Process ids of the wireguard-go in a namespace. */
  daemons(namespace: string = this.namespace): number[] {
    const pids = sh(`ip netns pids ${namespace}`).split('\n').filter(Boolean).map(Number)
    return pids.filter(
      (pid) => existsSync(`/proc/${pid}`) && readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('wireguard-go'),
    )
  }

  readDnsLog(): string {
    const file = path.join(this.folder, 'dns.log')
    const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
    rmSync(file, { force: true })
    return text
  }
}

export function sh(command: string, env: Record<string, string> = {}): string {
  return execFileSync('/bin/bash', ['-c', command], {
    encoding: 'utf8',
    timeout: 120_000,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
}

function json(command: string): unknown[] {
  return JSON.parse(sh(command) || '[]') as unknown[]
}

function sortedLines(command: string): string[] {
  return sh(`${command} || true`)
    .split('\n')
    .map((line) => line.trim().replaceAll(/ +/g, ' '))
    .sort()
}
