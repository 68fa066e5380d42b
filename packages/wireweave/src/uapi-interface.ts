/** An interface that a process serves: UAPI over its socket, one connection for each request. */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { AnswerReader, encodeGet, encodeSet } from '@wireweave/config/uapi-client'
import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { isInterfaceName } from '@wireweave/tunnel/interface-name'
import { hasRemovals, withoutRemovals } from '@wireweave/tunnel/removals'
import { errnoName, interfaceError } from './interface-error.js'
import type { InterfaceVerb } from './interface-error.js'
import type { DeviceState, RunningInterface } from './interfaces.js'
import { wipeSecrets } from './wipe.js'
import { x25519PublicKey } from './x25519.js'

const EINVAL = 22
/** How many times the longest pause a whole answer may take. */
const PATIENCE = 8

export class UapiInterface implements RunningInterface {
  readonly name: string
  readonly servedBy = 'process'
  readonly #path: string
  readonly #idleMs: number

  constructor(name: string, path: string, idleMs: number) {
    this.name = name
    this.#path = path
    this.#idleMs = idleMs
  }

  async read(): Promise<DeviceState> {
    const reader = await this.#ask('access', encodeGet())
    if (reader.errno === 0) return reader.device
    reader.wipe()
    throw interfaceError('access', this.name, errnoName(reader.errno))
  }

  async snapshot(): Promise<DeviceSnapshot> {
    const { snapshot, secrets } = await this.read()
    wipeSecrets(secrets)
    return snapshot
  }

  async secrets(): Promise<DeviceSecrets> {
    return (await this.read()).secrets
  }

  async apply(update: DeviceUpdate): Promise<void> {
    let errno = await this.#set(update)
    // Daemons older than the removal of single prefixes do not know `allowed_ip=-…`.
    if (errno === EINVAL && hasRemovals(update)) errno = await this.#set(withoutRemovals(update, await this.snapshot()))
    if (errno !== 0) throw interfaceError('modify', this.name, errnoName(errno))
  }

  async #set(update: DeviceUpdate): Promise<number> {
    return (await this.#ask('modify', encodeSet(update))).errno
  }

  /** Sends `request`, which it wipes, and reads the whole answer. */
  #ask(verb: InterfaceVerb, request: Uint8Array): Promise<AnswerReader> {
    return new Promise((resolve, reject) => {
      const reader = new AnswerReader({ publicKeyOf: x25519PublicKey, zoneIndex })
      const socket = connect({ path: this.#path })
      const fail = (cause: unknown, detail: string | null = null): void => {
        socket.destroy()
        reader.wipe()
        request.fill(0)
        reject(interfaceError(verb, this.name, cause, detail))
      }
      const giveUp = (): void =>
        fail('ETIMEDOUT', `Whoever serves ${this.#path} does not answer: look at that process, or end it.`)
      socket.setTimeout(this.#idleMs, giveUp)
      // A byte now and then is no answer, either.
      const tooLate = setTimeout(giveUp, PATIENCE * this.#idleMs)
      socket.on('error', fail)
      socket.on('close', () => {
        clearTimeout(tooLate)
        if (!reader.isComplete) fail('EPROTO', `Whoever serves ${this.#path} ended the answer early.`)
      })
      socket.on('data', (chunk: Buffer) => {
        try {
          reader.read(chunk)
        } catch (error) {
          const why = error instanceof WireGuardError ? error.message : 'the answer cannot be read'
          return fail('EPROTO', `${this.#path}: ${why}.`)
        } finally {
          chunk.fill(0)
        }
        if (!reader.isComplete) return
        resolve(reader)
        socket.destroy()
      })
      socket.write(request, () => request.fill(0))
    })
  }
}

/** The index of a zone by name, as some daemons write it. */
function zoneIndex(zone: string): number | null {
  if (!isInterfaceName(zone)) return null
  try {
    return Number(readFileSync(`/sys/class/net/${zone}/ifindex`, 'latin1'))
  } catch {
    return null
  }
}
