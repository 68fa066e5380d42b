/** `wireweave status`: what is up, and what it has on this machine. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { listInterfaces, locateConf, openInterface, readHostState, uapiPath } from 'wireweave'
import type { HostState } from 'wireweave'
import type { DeviceSnapshot, PeerSnapshot } from '@wireweave/tunnel/config'
import { formatEndpoint, formatPrefix } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import { readPeerNames } from '../interfaces/peer-names.js'
import { describeStatus } from './status-view.js'
import { columnsOf, print, styleOf } from '../terminal.js'
import { nameOf, serverOf, upProcessesOf } from './tunnel-processes.js'

export interface InterfaceStatus {
  readonly interface: string
  /** As `--adapter` calls it; of another program its name, such as `wireguard-go`; `null` when it cannot be known. */
  readonly adapter: string | null
  /** Of the process that serves or follows it. */
  readonly pid: number | null
  readonly configuration: string | null
  readonly publicKey: string | null
  readonly listenPort: number
  readonly fwmark: number | null
  /** `null` when it is in another network namespace, or this is not Linux. */
  readonly host: HostState | null
  readonly peers: readonly PeerStatus[]
}

export interface PeerStatus {
  readonly publicKey: string
  readonly name: string | null
  /** `up`: a handshake in the last three minutes. `idle`: one before that. `never`: none yet. */
  readonly state: 'up' | 'idle' | 'never'
  readonly endpoint: string | null
  readonly allowedIps: readonly string[]
  /** Unix time in seconds. */
  readonly latestHandshake: number | null
  readonly transferRx: number
  readonly transferTx: number
}

/** With traffic a handshake is repeated after 2 minutes, and keys are good for 3: whitepaper §6.2. */
const SESSION_MS = 180_000

export async function statusCommand(name: string | undefined, { json }: { readonly json?: boolean }): Promise<void> {
  const names = name === undefined ? (await listInterfaces()).toSorted() : [name]
  const all: InterfaceStatus[] = []
  for (const each of names) all.push(await readStatus(each, Date.now()))
  if (json === true) print(`${JSON.stringify(all, null, 2)}\n`)
  else if (all.length === 0) print('No WireGuard interface is up.\n')
  else print(all.map((each) => describeStatus(each, Date.now(), columnsOf(), styleOf(1))).join('\n'))
}

async function readStatus(name: string, now: number): Promise<InterfaceStatus> {
  const running = await openInterface(name)
  const snapshot = await running.snapshot()
  const server = running.servedBy === 'process' ? serverOf(uapiPath(name)) : null
  const pid = server ?? upProcessesOf(name)[0] ?? null
  const { file } = locateConf(name)
  return {
    interface: name,
    adapter: running.servedBy === 'kernel' ? 'linux-wg' : adapterOf(server),
    pid,
    configuration: existsSync(file) ? file : null,
    ...statusOf(snapshot, readPeerNames(name, path.dirname(file)), now),
    host: process.platform === 'linux' ? await readHostState(name) : null,
  }
}

function adapterOf(server: number | null): string | null {
  const program = server === null ? '' : nameOf(server)
  if (program === '') return null
  return program.startsWith('wireweave') ? 'linux-tun' : program
}

export function statusOf(
  { publicKey, listenPort, fwmark, peers }: DeviceSnapshot,
  names: ReadonlyMap<string, string>,
  now: number,
): Pick<InterfaceStatus, 'publicKey' | 'listenPort' | 'fwmark' | 'peers'> {
  return {
    publicKey: publicKey === null ? null : formatKey(publicKey),
    listenPort,
    fwmark,
    peers: peers.map((peer) => peerStatus(peer, names, now)),
  }
}

function peerStatus(peer: PeerSnapshot, names: ReadonlyMap<string, string>, now: number): PeerStatus {
  const publicKey = formatKey(peer.publicKey)
  const { endpoint, lastHandshakeTimeNs: last, rxBytes, txBytes } = peer
  const ageMs = last === null ? Infinity : now - Number(last / 1_000_000n)
  return {
    publicKey,
    name: names.get(publicKey) ?? null,
    state: last === null ? 'never' : ageMs < SESSION_MS ? 'up' : 'idle',
    endpoint: endpoint === null ? null : formatEndpoint(endpoint),
    allowedIps: peer.allowedIps.map(formatPrefix),
    latestHandshake: last === null ? null : Number(last / 1_000_000_000n),
    transferRx: Number(rxBytes),
    transferTx: Number(txBytes),
  }
}
