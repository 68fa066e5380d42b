/** `wireweave init`: the file of a new server. */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import { readConf } from '@wireweave/config/conf'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { formatIp } from '@wireweave/tunnel/ip'
import { encodeSecretKey, formatKey } from '@wireweave/tunnel/keys'
import { locateConf } from 'wireweave'
import { DEFAULT_PORT, endpointText } from './client-file.js'
import { refuseLines, writeSecretFile } from './secret-file.js'
import { newKeyPair } from './new-keys.js'
import { print } from '../terminal.js'

export interface InitFlags {
  readonly address?: string
  readonly listenPort: string
  readonly endpoint?: string
  readonly dns?: string
  readonly json?: boolean
}

export function initCommand(source: string, flags: InitFlags): void {
  const { name, file } = locateConf(source)
  if (existsSync(file)) throw exists(file)
  const { endpoint, dns, listenPort } = flags
  const address = flags.address ?? privateNetworks()
  refuseLines({ '--address': address, '--endpoint': endpoint, '--dns': dns, '--listen-port': listenPort })
  if (endpoint !== undefined) endpointText(endpoint, DEFAULT_PORT)
  const { privateKey, publicKey } = newKeyPair()
  const text = serverText(flags, address, encodeSecretKey(privateKey, 'base64'))
  privateKey.fill(0)
  refuseMistakes(text)
  mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
  writeSecretFile(file, text)
  if (flags.json === true) {
    print(
      `${JSON.stringify({ interface: name, file, publicKey: formatKey(publicKey), addresses: items(address), listenPort: Number(listenPort) })}\n`,
    )
    return
  }
  const missing = endpoint === undefined ? ' --endpoint HOST' : ''
  print(`Wrote ${file}.

  address:    ${items(address).join(', ')}
  port:       ${listenPort}
  public key: ${formatKey(publicKey)}

A client:  wireweave add-peer ${source} phone${missing} --qr
Start it:  wireweave up ${source}
`)
}

function serverText({ listenPort, endpoint, dns }: InitFlags, address: string, privateKey: string): string {
  const lines = ['[Interface]']
  if (endpoint !== undefined) lines.push(`# Endpoint = ${endpoint}`)
  if (dns !== undefined) lines.push(`# Client DNS = ${dns}`)
  lines.push(`Address = ${items(address).join(', ')}`, `ListenPort = ${listenPort}`, `PrivateKey = ${privateKey}`)
  return `${lines.join('\n')}\n`
}

/** What came from the command line is judged as if it had been in a file. */
function refuseMistakes(text: string): void {
  const error = readConf(text).problems.find(({ severity }) => severity === 'error')
  if (error === undefined) return
  throw new WireGuardError('CONFIG_INVALID', `${error.key}: ${error.message}. ${error.remedy}`)
}

/** 10.x.y.1/24, and a network of RFC 4193: chosen at random, so that two servers hardly ever collide. */
function privateNetworks(): string {
  const [x, y] = randomBytes(2)
  const local = new Uint8Array(16)
  local[0] = 0xfd
  local.set(randomBytes(5), 1)
  local[15] = 1
  return `10.${x}.${y}.1/24, ${formatIp(local)}/64`
}

function items(list: string): string[] {
  return list.split(/[\s,]+/).filter(Boolean)
}

function exists(file: string): WireGuardError {
  return new WireGuardError('NAME_IN_USE', `${file} exists already. Choose another name, or remove it.`)
}
