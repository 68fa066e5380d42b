/** `wireweave add-peer`: a client for a server, in its file, in the running interface, and in a file for itself. */
import { existsSync, mkdirSync, unlinkSync } from 'node:fs'
import path from 'node:path'
import { parseConf } from '@wireweave/config/conf'
import { addPeer } from '@wireweave/config/conf-edit'
import { printDocument } from '@wireweave/config/conf-document'
import type { Conf } from '@wireweave/config/conf-types'
import { isWireGuardError, WireGuardError } from '@wireweave/tunnel/errors'
import { formatPrefix, parseDecimal } from '@wireweave/tunnel/ip'
import type { IpPrefix } from '@wireweave/tunnel/ip'
import { decodeKey, formatKey } from '@wireweave/tunnel/keys'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { locateConf, openInterface, readConfFile, withFileLocked, writeConfFile } from 'wireweave'
import { freeAddresses } from './address-pool.js'
import {
  clientText,
  DEFAULT_PORT,
  describeAddresses,
  endpointText,
  hostPrefix,
  networksOf,
  noteOf,
  prefixesOf,
} from './client-file.js'
import { newKeyPair, newPresharedKey, publicKeyOf } from './new-keys.js'
import { refuseLines, writeSecretFile } from './secret-file.js'
import { columnsOf, print, say, styleOf } from '../terminal.js'

export interface AddPeerFlags {
  readonly address?: string
  readonly endpoint?: string
  readonly allowedIps?: string
  readonly fullTunnel?: boolean
  readonly dns?: string
  readonly keepalive: string
  readonly publicKey?: string
  readonly presharedKey: boolean
  readonly output?: string
  readonly qr?: boolean
  readonly showKeys?: boolean
  readonly json?: boolean
}

interface NewPeer {
  readonly name: string
  readonly publicKey: PublicKey
  readonly privateKey: PrivateKey | null
  readonly presharedKey: PresharedKey | null
  readonly allowedIps: readonly IpPrefix[]
}

const EVERYTHING = '0.0.0.0/0, ::/0'

/** Two that run at once must not give the same address away, nor lose each other's peer. */
export function addPeerCommand(source: string, name: string, flags: AddPeerFlags): Promise<void> {
  return withFileLocked(locateConf(source).file, () => addPeerTo(source, name, flags))
}

async function addPeerTo(source: string, name: string, flags: AddPeerFlags): Promise<void> {
  const { name: interfaceName, file } = locateConf(source)
  refuseLines({ 'the name of the peer': name, '--endpoint': flags.endpoint, '--dns': flags.dns })
  const { text } = readConfFile(source)
  const conf = parseConf(text, file)
  if (conf.device.privateKey === null) throw invalid(`${file} has no PrivateKey: it is not a server's`)
  if (conf.peers.some((peer) => peer.name === name))
    throw invalid(`${file} has a peer called ${name} already. Choose another name.`)
  const taken = conf.peers.flatMap((peer) => peer.allowedIps)
  const addresses =
    flags.address === undefined
      ? freeAddresses(conf.quick.addresses, taken)
      : prefixesOf(flags.address, '--address').map(({ address }) => address)
  if (addresses.length === 0) throw invalid(`${file} has no Address with a network. Say --address.`)
  refuseTaken(addresses.map(hostPrefix), taken)
  const peer = { ...newPeer(name, flags, conf), allowedIps: addresses.map(hostPrefix) }
  const { keepalive } = flags
  const clientFile = clientText({
    addresses,
    ...{ privateKey: peer.privateKey, presharedKey: peer.presharedKey, serverKey: publicKeyOf(conf.device.privateKey) },
    endpoint: endpointOf(flags, conf, file),
    allowedIps: flags.fullTunnel ? prefixesOf(EVERYTHING, '') : allowedIpsOf(flags, conf),
    dns: flags.dns ?? noteOf(conf, 'client dns'),
    keepalive:
      parseDecimal(keepalive, 65535) ??
      refuse(`--keepalive: "${keepalive}" is no number of seconds. Use 0 (off) to 65535.`),
  })
  const output = path.resolve(flags.output ?? clientPath(file, interfaceName, name))
  mkdirSync(path.dirname(output), { recursive: true, mode: 0o700 })
  writeSecretFile(output, clientFile)
  let isRunning = false
  try {
    isRunning = await applyToRunning(interfaceName, peer)
    writeConfFile(file, printDocument(addPeer(conf.document, peer)))
  } catch (error) {
    unlinkSync(output)
    if (isRunning)
      await (await openInterface(interfaceName)).apply({ peers: [{ publicKey: peer.publicKey, remove: true }] })
    throw error
  }
  wipe(peer)
  const made = { name, publicKey: formatKey(peer.publicKey), addresses: peer.allowedIps.map(formatPrefix) }
  if (flags.json === true) {
    const config = flags.showKeys === true ? { config: clientFile } : {}
    print(`${JSON.stringify({ interface: interfaceName, file, ...made, output, applied: isRunning, ...config })}\n`)
    return
  }
  const { bold } = styleOf(1)
  print(
    `Added ${bold(name)} at ${describeAddresses(addresses)} to ${file}${isRunning ? `, and to ${interfaceName}` : ''}.\n`,
  )
  print(`Its file is ${output}${peer.privateKey === null ? '; it has to add its private key' : ''}.\n`)
  if (!isRunning) say(`${interfaceName} is not up: start it with "wireweave up ${source}"`)
  if (flags.qr === true) print(await qrCode(clientFile))
}

function newPeer(name: string, flags: AddPeerFlags, conf: Conf): Omit<NewPeer, 'allowedIps'> {
  const presharedKey = flags.presharedKey ? newPresharedKey() : null
  if (flags.publicKey === undefined) return { name, presharedKey, ...newKeyPair() }
  const publicKey = decodeKey<PublicKey>(flags.publicKey)
  if (publicKey === null)
    throw invalid('--public-key is not a key: 44 characters of base64, as "wireweave pubkey" prints')
  const text = formatKey(publicKey)
  if (conf.peers.some((peer) => formatKey(peer.publicKey) === text))
    throw invalid('there is a peer with that key already. Each device needs a key of its own.')
  return { name, presharedKey, publicKey, privateKey: null }
}

function endpointOf({ endpoint }: AddPeerFlags, conf: Conf, file: string): string {
  const host = endpoint ?? noteOf(conf, 'endpoint')
  if (host === null) {
    throw invalid(`where do clients reach the server? Say --endpoint HOST, or write "# Endpoint = HOST" into ${file}`)
  }
  return endpointText(host, conf.device.listenPort ?? DEFAULT_PORT)
}

function allowedIpsOf({ allowedIps }: AddPeerFlags, conf: Conf): IpPrefix[] {
  return allowedIps === undefined ? networksOf(conf) : prefixesOf(allowedIps, '--allowed-ips')
}

function refuseTaken(wanted: readonly IpPrefix[], taken: readonly IpPrefix[]): void {
  const known = new Set(taken.map(formatPrefix))
  for (const prefix of wanted) {
    if (known.has(formatPrefix(prefix)))
      throw invalid(`${formatPrefix(prefix)} belongs to another peer. Choose another address.`)
  }
}

/** False when the interface is not up. */
async function applyToRunning(name: string, peer: NewPeer): Promise<boolean> {
  const { publicKey, presharedKey, allowedIps } = peer
  try {
    const running = await openInterface(name)
    await running.apply({ peers: [{ publicKey, presharedKey, replaceAllowedIps: true, allowedIps }] })
    return true
  } catch (error) {
    if (isWireGuardError(error) && error.code === 'NO_SUCH_INTERFACE') return false
    throw error
  }
}

function clientPath(file: string, interfaceName: string, peer: string): string {
  const base = peer.replaceAll(/[^a-zA-Z0-9_=+.-]+/g, '-').slice(0, 15)
  const target = path.join(path.dirname(file), 'clients', interfaceName, `${base}.conf`)
  if (existsSync(target)) throw invalid(`${target} exists already. Say --output, or choose another name.`)
  return target
}

async function qrCode(text: string): Promise<string> {
  const { renderQr } = await import('./qr.js')
  return renderQr(text, columnsOf())
}

function wipe({ privateKey, presharedKey }: NewPeer): void {
  privateKey?.fill(0)
  presharedKey?.fill(0)
}

function invalid(message: string): WireGuardError {
  return new WireGuardError('CONFIG_INVALID', message)
}

function refuse(message: string): never {
  throw invalid(message)
}
