/** `wg-quick save` as a function. */
import { parseConf } from '@wireweave/config/conf'
import { parseDocument } from '@wireweave/config/conf-document'
import { saveConf } from '@wireweave/config/conf-format'
import type { SavedState } from '@wireweave/config/conf-format'
import type { Conf, HostEndpoint } from '@wireweave/config/conf-types'
import { withFileLocked } from '@wireweave/host-net/linux/file-lock'
import { LinuxHost } from '@wireweave/host-net/linux/host'
import { findRemains } from '@wireweave/host-net/linux/remains'
import { readInterface } from '@wireweave/host-net/linux/state'
import type { DeviceSnapshot } from '@wireweave/tunnel/config'
import { formatEndpoint } from '@wireweave/tunnel/ip'
import { formatKey } from '@wireweave/tunnel/keys'
import { locateConf, readConfFile, writeConfFile } from './conf-file.js'
import { openInterface } from './interfaces.js'
import { endpointKey, resolveEndpoints } from './resolve.js'
import type { Lookup } from './resolve.js'

export interface SaveOptions {
  /** A path that ends in `.conf`, or the name of an interface in `/etc/wireguard`. */
  readonly config: string
  /** Looks host names up; the system's resolver when absent. */
  readonly lookup?: Lookup
}

/**
 * Writes what the interface is now to its file, whoever brought it up; comments, names and hooks stay. A peer's host name
 * stays while the peer is at one of its addresses, or nobody can say. Resolves to whether the file changed. Waits for whoever
 * else is changing the file.
 */
export function save(options: SaveOptions): Promise<boolean> {
  const { name, file } = locateConf(options.config)
  return withFileLocked(file, () => saveTo(name, file, options))
}

async function saveTo(name: string, file: string, { config, lookup }: SaveOptions): Promise<boolean> {
  const { text } = readConfFile(config)
  const conf = parseConf(text, file)
  using host = new LinuxHost()
  const { addresses, mtu } = readInterface(host.socket, name)
  const { snapshot, secrets } = await (await openInterface(name)).read()
  try {
    const { rules } = await findRemains(host.socket, name)
    // The mark of a default route is found anew with each "up".
    const isOwnMark = rules.some((rule) => rule.kind === 'defaultRoute' && rule.fwmark === snapshot.fwmark)
    const fwmark = conf.device.fwmark === null && isOwnMark ? null : snapshot.fwmark
    const state = { snapshot: { ...snapshot, fwmark }, secrets, addresses, mtu, dnsServers: null }
    return writeSaved(file, text, state, await resolvedNames(conf, snapshot, lookup))
  } finally {
    secrets.privateKey?.fill(0)
    for (const key of secrets.presharedKeys) key?.fill(0)
  }
}

/** False when the file says all of it already. */
function writeSaved(
  file: string,
  text: string,
  state: SavedState,
  resolved: ReadonlyMap<string, readonly string[]>,
): boolean {
  const saved = saveConf(parseDocument(text), state, resolved)
  if (saved === text) return false
  writeConfFile(file, saved)
  return true
}

/** A name that nobody can look up now counts as where its peer is. */
async function resolvedNames(
  conf: Conf,
  snapshot: DeviceSnapshot,
  lookup: Lookup | undefined,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const current = new Map(snapshot.peers.map(({ publicKey, endpoint }) => [formatKey(publicKey), endpoint]))
  const resolved = new Map<string, readonly string[]>()
  for (const { endpoint, publicKey } of conf.peers) {
    if (endpoint === null) continue
    const at = current.get(formatKey(publicKey))
    resolved.set(endpointKey(endpoint), (await lookUp(endpoint, lookup)) ?? (at ? [formatEndpoint(at)] : []))
  }
  return resolved
}

async function lookUp(endpoint: HostEndpoint, lookup: Lookup | undefined): Promise<readonly string[] | null> {
  try {
    const found = await resolveEndpoints([endpoint], { retries: 0, lookup })
    return found.get(endpointKey(endpoint))!.map(formatEndpoint)
  } catch {
    return null
  }
}
