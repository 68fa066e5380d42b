/** `wireweave set`, `setconf`, `addconf`, `syncconf` and `showconf`. */
import { parseConf } from '@wireweave/config/conf'
import { showConf } from '@wireweave/config/conf-format'
import { syncUpdate } from '@wireweave/config/conf-sync'
import type { Conf, HostEndpoint } from '@wireweave/config/conf-types'
import { addUpdate, setUpdate } from '@wireweave/config/conf-update'
import { readSetWords } from '@wireweave/config/set-words'
import type { SetPeerWords } from '@wireweave/config/set-words'
import type { DeviceUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { Endpoint } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey } from '@wireweave/tunnel/keys'
import { openInterface } from 'wireweave/interfaces'
import { print } from '../terminal.js'
import { endpointText } from './endpoint-text.js'
import { endpointAddresses } from './endpoint-addresses.js'
import { fileName, readKeyFile, readText } from './input.js'
import { wipe } from './show.js'

export async function showconf(name: string): Promise<void> {
  const state = await (await openInterface(name)).read()
  print(showConf(state.snapshot, state.secrets, endpointText))
  wipe(state)
}

/** `words` as after the interface. Everything is read and looked up before the interface is touched. */
export async function set(name: string, words: readonly string[]): Promise<void> {
  if (words.length === 0)
    throw new WireGuardError('CONFIG_INVALID', 'set: nothing to set. "wireweave help set" shows what there is.')
  const { privateKeyFile, listenPort, fwmark, peers } = readSetWords(words)
  const endpoints = await endpointAddresses(peers.flatMap(({ endpoint }) => endpoint ?? []))
  const update: DeviceUpdate = {
    ...(privateKeyFile !== undefined && { privateKey: readKeyFile<PrivateKey>(privateKeyFile, 'private-key') }),
    ...(listenPort !== undefined && { listenPort }),
    ...(fwmark !== undefined && { fwmark: fwmark || null }),
    ...(peers.length > 0 && { peers: peers.map((peer) => peerUpdate(peer, endpoints)) }),
  }
  await apply(name, update)
}

function peerUpdate(peer: SetPeerWords, endpoints: (endpoint: HostEndpoint) => Endpoint): PeerUpdate {
  const { presharedKeyFile, endpoint, ...rest } = peer
  return {
    ...rest,
    ...(presharedKeyFile !== undefined && {
      presharedKey: readKeyFile<PresharedKey>(presharedKeyFile, 'preshared-key'),
    }),
    ...(endpoint !== undefined && { endpoint: endpoints(endpoint) }),
  }
}

export async function setconf(name: string, file: string): Promise<void> {
  const { conf, endpoints } = await readConfig(name, file)
  await apply(name, setUpdate(conf, endpoints))
}

export async function addconf(name: string, file: string): Promise<void> {
  const { conf, endpoints } = await readConfig(name, file)
  await apply(name, addUpdate(conf, endpoints))
}

/** Asks for what there is, and changes only what differs. */
export async function syncconf(name: string, file: string): Promise<void> {
  const { conf, endpoints } = await readConfig(name, file)
  const running = await openInterface(name)
  const state = await running.read()
  try {
    const update = syncUpdate(state.snapshot, state.secrets, setUpdate(conf, endpoints))
    if (Object.keys(update).length > 0) await running.apply(update)
  } finally {
    wipe(state)
    conf.device.privateKey?.fill(0)
    for (const { presharedKey } of conf.peers) presharedKey?.fill(0)
  }
}

async function apply(name: string, update: DeviceUpdate): Promise<void> {
  try {
    await (await openInterface(name)).apply(update)
  } finally {
    update.privateKey?.fill(0)
    for (const { presharedKey } of update.peers ?? []) presharedKey?.fill(0)
  }
}

interface Read {
  readonly conf: Conf
  readonly endpoints: (endpoint: HostEndpoint) => Endpoint
}

async function readConfig(name: string, file: string): Promise<Read> {
  const shown = fileName(file)
  const conf = parseConf(readText(file), shown)
  refuseQuickKeys(conf, shown, name)
  return { conf, endpoints: await endpointAddresses(conf.peers.flatMap(({ endpoint }) => endpoint ?? [])) }
}

const QUICK_KEYS: ReadonlySet<string> = new Set([
  'address',
  'dns',
  'mtu',
  'table',
  'preup',
  'postup',
  'predown',
  'postdown',
  'saveconfig',
])

/** Like `wg`: whoever writes an address expects it to be set, which `wireweave up` does. */
function refuseQuickKeys({ document }: Conf, file: string, name: string): void {
  const line = document.lines.findIndex(({ kind, name: key }) => kind === 'entry' && QUICK_KEYS.has(key))
  if (line < 0) return
  const key = document.lines[line]!.text.split('=', 1)[0]!.trim()
  throw new WireGuardError(
    'CONFIG_INVALID',
    `${file}:${line + 1}: ${key}: the key is for "wireweave up". ` +
      `Leave such keys out with: wireweave strip FILE | wireweave setconf ${name} /dev/stdin`,
  )
}
