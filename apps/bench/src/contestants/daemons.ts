/** Programs that behave like wireguard-go: `PROGRAM IFNAME` in the foreground, configured through their UAPI socket. */
import { createConnection } from 'node:net'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { command } from '../run/command.js'
import { UAPI_FOLDER } from '../run/topology.js'
import type { Side, Topology } from '../run/topology.js'
import { topologyOf } from './contestant.js'
import type { Contestant } from './contestant.js'
import { cacheFolder, endProcess, isExecutable, startInside, usageOf, whereIs } from './processes.js'
import type { Started } from './processes.js'
import { openWireGuardPair, WG_REMEDY } from './wireguard.js'

interface Launch {
  readonly command: readonly [string, ...string[]]
  readonly foreground: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

interface DaemonOptions extends Pick<Contestant, 'name' | 'role' | 'about'> {
  readonly launch: () => Launch | null
  readonly remedy: string
}

function daemon({ launch, remedy, ...rest }: DaemonOptions): Contestant {
  const start = (topology: Topology, side: Side, name: string): Promise<Started> => {
    const found = launch()
    if (found === null) throw new Error(`${rest.name} is missing: ${remedy}`)
    return startInside(topology, side, [...found.command, ...found.foreground, name] as [string, ...string[]], {
      ...(found.env && { env: found.env }),
      isReady: async () => (await isListening(`${UAPI_FOLDER}/${name}.sock`)) && answers(name),
    })
  }
  return {
    ...rest,
    reach: 'host',
    system: 'linux',
    async find() {
      const found = launch()
      if (found === null) return { missing: 'not installed', remedy }
      if (whereIs('wg') === null) return { missing: 'wg is needed to configure it', remedy: WG_REMEDY }
      const [file, ...args] = found.command
      const { stdout, stderr } = await command(file, [...args, '--version'])
      return { version: (stdout || stderr).split('\n')[0]!.trim() }
    },
    open(place, slot) {
      const pids: number[] = []
      const make = async (topology: Topology, side: Side, name: string): Promise<void> => {
        pids.push((await start(topology, side, name)).pid)
      }
      return openWireGuardPair(place, slot, make, () => usageOf(pids))
    },
    async startOnce(place, name) {
      const { readyMs, child } = await start(topologyOf(place), 'a', name)
      await endProcess(child)
      return readyMs
    },
    startDaemon: async (topology, name) => (await start(topology, 'a', name)).pid,
  }
}

/** Asked before `wg` is: it deletes a socket that is bound and does not listen yet, taking it for one left behind. */
function isListening(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket, () => {
      connection.destroy()
      resolve(true)
    })
    connection.on('error', () => resolve(false))
  })
}

function answers(name: string): Promise<boolean> {
  return command('wg', ['show', name, 'listen-port']).then(
    () => true,
    () => false,
  )
}

function program(file: string | null, foreground: readonly string[]): Launch | null {
  return file !== null && isExecutable(file) ? { command: [file], foreground } : null
}

function wireweaveDaemon(): Launch {
  const folder = path.dirname(fileURLToPath(import.meta.resolve('@wireweave/cli/daemon')))
  // The environment of the caller is not to choose another adapter.
  const command = [process.execPath, `${folder}/bin/wireweave-daemon.js`] as const
  return { command, foreground: ['-f'], env: { WIREWEAVE_ADAPTER: 'linux-tun' } }
}

const peers = 'run interop/install-peers.sh'
const gotatunRemedy = 'cargo install --locked gotatun-cli, with the program in PATH'

export const daemons: readonly Contestant[] = [
  daemon({
    ...{ name: 'linux-tun', role: 'adapter', about: 'wireweave-daemon over a TUN with offloads' },
    ...{ launch: wireweaveDaemon, remedy: '' },
  }),
  daemon({
    ...{ name: 'wireguard-go', role: 'rival', about: 'the current wireguard-go, built here' },
    ...{ launch: () => program(path.join(cacheFolder, 'wireguard'), ['-f']), remedy: `${peers} (needs Go)` },
  }),
  daemon({
    ...{ name: 'wireguard-go-debian', role: 'rival', about: "Debian's wireguard-go, without offloads" },
    launch: () => program('/usr/bin/wireguard-go', ['-f']),
    remedy: 'apt-get install wireguard-go',
  }),
  daemon({
    ...{ name: 'boringtun', role: 'rival', about: "Cloudflare's boringtun-cli" },
    launch: () => program(whereIs('boringtun-cli'), ['-f', '--disable-drop-privileges']),
    remedy: `${peers} (needs cargo)`,
  }),
  daemon({
    ...{ name: 'gotatun', role: 'rival', about: "Mullvad's gotatun-cli" },
    launch: () => program(whereIs('gotatun'), ['-f', '-v', 'error', '-l', '/dev/null', '--disable-drop-privileges']),
    remedy: gotatunRemedy,
  }),
]
