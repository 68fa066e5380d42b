/** The WireGuard implementations that take part: how each is started, and what it needs to be here. */
import { closeSync, existsSync, openSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { eventually } from './command.js'
import type { Host } from './lab.js'
import type { Need } from './needs.js'

export interface Implementation {
  readonly name: string
  readonly need: Need
  /** Words of a command that returns once the interface exists and `wg` can talk to it. */
  readonly command: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

const cache = path.join(process.env['WIREWEAVE_CACHE'] ?? path.join(homedir(), '.cache/wireweave'), 'bin')
const daemon = fileURLToPath(new URL('../../packages/cli/dist/bin/wireweave-daemon.js', import.meta.url))

/** What is tested. `WIREWEAVE_DAEMON` puts another program in its place, for one: wireguard-go must pass as well. */
export const ours: Implementation = {
  name: 'wireweave',
  need: {
    what: 'the built command line: npm run build',
    isThere: () => process.env['WIREWEAVE_DAEMON'] !== undefined || existsSync(daemon),
  },
  command: process.env['WIREWEAVE_DAEMON']?.split(' ') ?? [process.execPath, daemon],
  env: { LOG_LEVEL: 'verbose' },
}

const debianWireguardGo: Implementation = {
  name: 'wireguard-go of Debian',
  need: { what: 'the Debian package wireguard-go', isThere: () => existsSync('/usr/bin/wireguard-go') },
  command: ['/usr/bin/wireguard-go'],
  env: { LOG_LEVEL: 'verbose', WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD: '1' },
}

const wireguardGo: Implementation = {
  name: 'wireguard-go',
  need: { what: `${cache}/wireguard: interop/install-peers.sh`, isThere: () => existsSync(`${cache}/wireguard`) },
  command: [`${cache}/wireguard`],
  env: { LOG_LEVEL: 'verbose' },
}

const boringtun: Implementation = {
  name: 'boringtun',
  need: {
    what: `${cache}/boringtun-cli: interop/install-peers.sh`,
    isThere: () => existsSync(`${cache}/boringtun-cli`),
  },
  command: [`${cache}/boringtun-cli`, '--disable-drop-privileges', '--verbosity', 'debug'],
  env: {},
}

/** Its interface has no socket of its own: `wg` and everybody else go through netlink. */
export const kernel: Implementation = {
  name: 'Linux',
  need: { what: "the kernel's wireguard module", isThere: () => existsSync('/sys/module/wireguard') },
  command: ['sh', '-c', 'exec ip link add "$1" type wireguard', 'kernel'],
  env: {},
}

export const peers: readonly Implementation[] = [debianWireguardGo, wireguardGo, boringtun, ours]

/** Starts `implementation` in the background and returns when `wg` can configure it. */
export async function startDaemon(
  implementation: Implementation,
  host: Host,
  interfaceName: string,
  more: NodeJS.ProcessEnv = {},
): Promise<void> {
  const log = path.join(host.lab.folder, `${interfaceName}.log`)
  closeSync(openSync(log, 'a'))
  const [file, ...args] = [...implementation.command, interfaceName]
  const env = { ...process.env, ...implementation.env, ...more, WG_LOG_FILE: log }
  // Through a shell, so that the log of a process in the background goes to a file and holds no pipe of ours open.
  const script = 'log=$1; shift; "$@" >>"$log" 2>&1 || { code=$?; tail -n 20 "$log"; exit $code; }'
  await host.run('sh', ['-c', script, 'sh', log, file!, ...args], { env })
}

/** Ends the daemon of an interface as an operator does, and waits until nothing of it is left. */
export async function endDaemon(host: Host, interfaceName: string): Promise<void> {
  await host.ip(`link delete ${interfaceName}`)
  const socket = `/run/wireguard/${interfaceName}.sock`
  await eventually(`${socket} is gone`, async () => (await host.attempt('test', ['-e', socket])).code !== 0)
}
