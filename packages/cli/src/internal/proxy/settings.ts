/** From the words of the command and the file to what is to be opened. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseDestination, parseForward, parsePlace, parseReverse } from '@wireweave/proxy/forward'
import type { Credentials, ServiceOptions } from '@wireweave/proxy/proxy'
import { readWireproxyConf } from '@wireweave/proxy/wireproxy-conf'
import type { WireproxyConf } from '@wireweave/proxy/wireproxy-conf'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { readNetstackConf } from 'wireweave'
import type { NetstackConf } from 'wireweave'

export interface ProxyFlags {
  readonly socks?: readonly string[]
  readonly http?: readonly string[]
  readonly forward?: readonly string[]
  readonly reverse?: readonly string[]
  readonly stdio?: string
  readonly metrics?: string
  readonly user?: string
  readonly passwordFile?: string
  readonly allowUnauthenticated?: boolean
  readonly configtest?: boolean
  readonly json?: boolean
  readonly verbose?: boolean
}

export interface ProxySettings {
  readonly tunnel: Required<NetstackConf>
  /** Without `/metrics`, which knows the tunnel. */
  readonly services: readonly ServiceOptions[]
  readonly info: { readonly host: string; readonly port: number } | null
  readonly stdio: { readonly host: string; readonly port: number } | null
  readonly family: 0 | 4 | 6
  readonly checkAlive: readonly string[]
  readonly checkAliveSeconds: number
}

/** Throws a `WireGuardError`. */
export function readSettings(conf: string, flags: ProxyFlags, environment: NodeJS.ProcessEnv): ProxySettings {
  const source = readNetstackConf(conf)
  const file = readWireproxyConf(source.text, source.file, environment)
  const folder = path.dirname(source.file)
  const credentials = readCredentials(flags, environment)
  const services: ServiceOptions[] = [
    ...(flags.socks ?? []).map((text) => ({ kind: 'socks5' as const, ...parsePlace('-D', text), credentials })),
    ...(flags.http ?? []).map((text) => ({ kind: 'http' as const, ...parsePlace('--http', text), credentials })),
    ...(flags.forward ?? []).map(parseForward),
    ...(flags.reverse ?? []).map(parseReverse),
    ...file.services.map((service) => withCertificate(service, file, folder)),
  ]
  const info = flags.metrics === undefined ? null : parsePlace('--metrics', flags.metrics)
  const stdio = flags.stdio === undefined ? file.stdio : parseDestination('-W', flags.stdio)
  if (services.length === 0 && stdio === null && flags.configtest !== true) {
    throw new WireGuardError(
      'CONFIG_INVALID',
      'there is nothing to open. Say what: -D 1080 for SOCKS5, --http 8080, -L, -R or -W; see wireweave proxy --help.',
    )
  }
  const { family, checkAlive, checkAliveSeconds, tunnelFile } = file
  const tunnel =
    tunnelFile === null ? { ...source, text: file.tunnelText } : readNetstackConf(path.resolve(folder, tunnelFile))
  return { tunnel, services, info, stdio, family, checkAlive, checkAliveSeconds }
}

function readCredentials(flags: ProxyFlags, environment: NodeJS.ProcessEnv): Credentials | undefined {
  const { user, passwordFile } = flags
  if (user === undefined) {
    if (passwordFile === undefined) return undefined
    throw new WireGuardError('CONFIG_INVALID', '--password-file goes with --user. Add --user NAME.')
  }
  const password = passwordFile === undefined ? environment['WIREWEAVE_PROXY_PASSWORD'] : firstLine(passwordFile)
  if (password === undefined || password === '') {
    throw new WireGuardError(
      'CONFIG_INVALID',
      '--user goes with a password. Set WIREWEAVE_PROXY_PASSWORD, or use --password-file; arguments are no place for it.',
    )
  }
  if (Buffer.byteLength(user) > 255 || Buffer.byteLength(password) > 255) {
    throw new WireGuardError('CONFIG_INVALID', 'name and password have at most 255 bytes each. Shorten them.')
  }
  return { username: user, password }
}

function firstLine(file: string): string {
  return readFile(file, '--password-file').split(/\r?\n/, 1)[0]!
}

function withCertificate(service: ServiceOptions, { certificates }: WireproxyConf, folder: string): ServiceOptions {
  const files = certificates.get(service)
  if (service.kind !== 'http' || files === undefined) return service
  const read = (name: string, key: string): string => readFile(path.resolve(folder, name), key)
  return { ...service, tls: { cert: read(files.cert, 'CertFile'), key: read(files.key, 'KeyFile') } }
}

function readFile(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const { code = 'unknown' } = cause as NodeJS.ErrnoException
    throw new WireGuardError('CONFIG_INVALID', `${what}: ${file} cannot be read (${code})`, { cause, errno: code })
  }
}
