/** Names of peers: the comments `# Name = …` of `/etc/wireguard/<interface>.conf`. */
import { readFileSync, statSync } from 'node:fs'
import { readConf } from '@wireweave/config/conf'
import { isInterfaceName } from '@wireweave/tunnel/interface-name'
import { formatKey } from '@wireweave/tunnel/keys'

/** From the public key in base64. */
export type PeerNames = ReadonlyMap<string, string>

/** Empty when there is no such file, or it may not be read: names are an extra. */
export function readPeerNames(interfaceName: string, folder: string = '/etc/wireguard'): PeerNames {
  const names = new Map<string, string>()
  if (!isInterfaceName(interfaceName)) return names
  let text: string
  try {
    text = readFileSync(`${folder}/${interfaceName}.conf`, 'utf8')
  } catch {
    return names
  }
  const { conf } = readConf(text)
  conf.device.privateKey?.fill(0)
  for (const { publicKey, presharedKey, name } of conf.peers) {
    presharedKey?.fill(0)
    if (name !== null) names.set(formatKey(publicKey), name.replaceAll(CONTROL, '?'))
  }
  return names
}

/** What could write to the terminal instead of on it. */
const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu

/** For whoever asks again and again: a file that has not changed is not read again. */
export class PeerNamesCache {
  readonly #known = new Map<string, { readonly version: string; readonly names: PeerNames }>()

  read(interfaceName: string, folder: string = '/etc/wireguard'): PeerNames {
    const version = versionOf(`${folder}/${interfaceName}.conf`)
    const known = this.#known.get(interfaceName)
    if (known?.version === version) return known.names
    const names = readPeerNames(interfaceName, folder)
    this.#known.set(interfaceName, { version, names })
    return names
  }
}

function versionOf(file: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(file)
    return `${ino} ${size} ${mtimeMs}`
  } catch {
    return 'none'
  }
}
