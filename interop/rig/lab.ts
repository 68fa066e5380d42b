/**
 * A world of its own for a test file: process, mount and network namespaces in which `/var/run/wireguard`,
 * `/etc/wireguard` and `ip netns` are empty and private, and whatever runs there ends with the test, however it ends.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { attempt, command } from './command.js'
import type { CommandOptions, Finished } from './command.js'

const SETUP = `
set -e
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /run/wireguard /run/lock
[ ! -d /etc/wireguard ] || mount -t tmpfs -o mode=700 tmpfs /etc/wireguard
mount -t sysfs sysfs /sys
ip link set lo up
echo ready
cat >/dev/null
rm -rf "$1"
`

export class Lab implements AsyncDisposable {
  /** A folder, visible inside as well, for logs, captures and programs. Removed with the lab. */
  readonly folder: string
  readonly #holder: ChildProcess
  readonly #pid: number

  private constructor(folder: string, holder: ChildProcess, pid: number) {
    this.folder = folder
    this.#holder = holder
    this.#pid = pid
  }

  static async open(): Promise<Lab> {
    const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-lab-'))
    // The first process inside waits for the end of its input, which comes when we close it, and also when we die.
    // Detached, so that the interrupt of a terminal reaches the test runner alone.
    const args = [
      '--mount',
      '--net',
      '--pid',
      '--fork',
      '--mount-proc',
      '--kill-child',
      'sh',
      '-c',
      SETUP,
      'lab',
      folder,
    ]
    const holder = spawn('unshare', args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
    const [first] = await Promise.race([once(holder.stdout!, 'data'), once(holder, 'exit')])
    if (String(first) !== 'ready\n') throw new Error(`cannot make namespaces: unshare ended with ${String(first)}`)
    const children = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'latin1')
    return new Lab(folder, holder, Number(children))
  }

  /** A network namespace with a loopback interface that is up. */
  async host(name: string): Promise<Host> {
    const host = new Host(this, name)
    await this.run('ip', ['netns', 'add', name])
    await host.ip('link set lo up')
    return host
  }

  /** A wire between two hosts; an interface of the same name at each end, without addresses. */
  async wire(a: Host, b: Host, name: string): Promise<void> {
    await this.run('ip', `link add ${name} netns ${a.name} type veth peer name ${name} netns ${b.name}`.split(' '))
    for (const host of [a, b]) await host.ip(`link set ${name} up`)
  }

  run(file: string, args: readonly string[], options?: CommandOptions): Promise<string> {
    return command('nsenter', this.enter(file, args), options)
  }

  /** Words of an `nsenter` that runs a command in the lab. */
  enter(file: string, args: readonly string[]): string[] {
    return ['--target', String(this.#pid), '--mount', '--net', '--pid', '--', file, ...args]
  }

  /** Ends every process and removes every namespace, every interface and the folder. */
  async close(): Promise<void> {
    const gone = this.#holder.exitCode === null ? once(this.#holder, 'exit') : null
    this.#holder.stdin!.end()
    await gone
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }
}

/** A network namespace of a lab. */
export class Host {
  readonly lab: Lab
  readonly name: string

  constructor(lab: Lab, name: string) {
    this.lab = lab
    this.name = name
  }

  run(file: string, args: readonly string[], options?: CommandOptions): Promise<string> {
    return command('nsenter', this.#enter(file, args), options)
  }

  /** As {@link run}, whatever the exit code. */
  attempt(file: string, args: readonly string[], options?: CommandOptions): Promise<Finished> {
    return attempt('nsenter', this.#enter(file, args), options)
  }

  /** `ip` with these words, which have no spaces inside. */
  ip(words: string): Promise<string> {
    return this.run('ip', words.split(' '))
  }

  /** `wg` with these words and, as its `/dev/stdin`, this text. */
  wg(words: string, input = ''): Promise<string> {
    // Node's own pipes are sockets, which cannot be opened by name.
    return this.run('sh', ['-c', 'cat | wg "$@"', 'wg', ...words.split(' ')], { input })
  }

  /** Starts what runs until it is told to end. Its output goes to `<name>.log` in the lab's folder. */
  start(name: string, file: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Background {
    const log = path.join(this.lab.folder, `${name}.log`)
    const fd = openSync(log, 'a')
    const child = spawn('nsenter', this.#enter(file, args), { env, stdio: ['ignore', fd, fd] })
    closeSync(fd)
    return new Background(child, log)
  }

  #enter(file: string, args: readonly string[]): string[] {
    return this.lab.enter('ip', ['netns', 'exec', this.name, file, ...args])
  }
}

/** A process that was started and not waited for. */
export class Background {
  readonly log: string
  readonly exit: Promise<number | null>
  readonly #child: ChildProcess

  constructor(child: ChildProcess, log: string) {
    this.#child = child
    this.log = log
    this.exit = new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => resolve(code))
    })
  }

  get output(): string {
    return readFileSync(this.log, 'utf8')
  }

  /** `nsenter` passes no signal on, but the process inside is its only child. */
  async signal(signal: NodeJS.Signals): Promise<void> {
    const children = readFileSync(`/proc/${this.#child.pid}/task/${this.#child.pid}/children`, 'latin1').trim()
    for (const pid of children.split(' ').filter(Boolean)) process.kill(Number(pid), signal)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.signal('SIGTERM').catch(() => {})
    await this.exit
  }
}
