/** UAPI text from anyone who may open the socket. Refusals are WireGuardErrors that quote nothing, and change nothing. */
import { encodeErrno, encodeGetAnswer, uapiErrno, UapiReader } from '@wireweave/config/uapi'
import type { UapiRequest } from '@wireweave/config/uapi'
import { isWireGuardError } from '@wireweave/tunnel/errors'
import { describeState } from '../device-state.js'
import type { Random } from '../random.js'
import { simulate } from '../simulation.js'
import type { Simulation } from '../simulation.js'
import { FuzzFailure, mustNotThrow } from './target.js'
import type { FuzzRound, FuzzTarget } from './target.js'

export const uapi: FuzzTarget = {
  name: 'uapi',
  begin: (random) => new UapiRound(random),
}

/** Stands in every key that is drawn: no error may show it. */
const MARK = '5ec2e75ec2e75ec2e7'

class UapiRound implements FuzzRound {
  readonly #random: Random
  readonly #net: Simulation

  constructor(random: Random) {
    this.#random = random
    this.#net = simulate({ seed: random.u32() })
  }

  step(): void {
    const random = this.#random
    const text = random.chance(0.6) ? this.#spoil(this.#request()) : this.#request()
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xff)
    const reader = new UapiReader({ maxLineBytes: 1024, maxRequestBytes: 100_000 })
    for (let at = 0; at <= bytes.length;) {
      const size = random.pick([1, 7, 64, bytes.length + 1])
      const isLast = at + size > bytes.length
      if (!this.#read(reader, bytes.slice(at, at + size), isLast, text)) return
      at += size
    }
  }

  /** Our own answer is understood. */
  finish(): void {
    const { device } = this.#net.alice
    const answer = Buffer.from(encodeGetAnswer(device.snapshot(), device.secrets())).toString('latin1')
    if (!answer.endsWith('errno=0\n\n')) throw new FuzzFailure('an answer without an end', answer)
    const set = answer
      .split('\n')
      .filter((line) => !/^(errno|last_handshake_time_n?sec|[rt]x_bytes)/.test(line))
      .join('\n')
    const requests = [...new UapiReader().read(Buffer.from(`set=1\n${set.trim()}\n\n`, 'latin1'))]
    if (requests[0]?.tag !== 'set') throw new FuzzFailure('our own answer cannot be set', answer)
  }

  /** False when the connection is to be closed. */
  #read(reader: UapiReader, chunk: Uint8Array, isLast: boolean, text: string): boolean {
    try {
      for (const request of reader.read(chunk)) this.#perform(request, text)
      if (isLast) for (const request of reader.end()) this.#perform(request, text)
      return true
    } catch (error) {
      if (error instanceof FuzzFailure) throw error
      this.#expectClear(error, text)
      return false
    }
  }

  #perform(request: UapiRequest, text: string): void {
    const { device } = this.#net.alice
    const before = describeState(device)
    switch (request.tag) {
      case 'rejected':
        this.#expectClear(request.error, text)
        mustNotThrow(text, () => encodeErrno(request.operation, uapiErrno(request.error)))
        break
      case 'get':
        mustNotThrow(text, () => encodeGetAnswer(device.snapshot(), device.secrets()))
        break
      case 'set':
        try {
          this.#net.alice.apply(request.update)
          return
        } catch (error) {
          this.#expectClear(error, text)
        }
    }
    if (describeState(device) !== before) throw new FuzzFailure('what was refused changed something', text)
  }

  #expectClear(error: unknown, text: string): void {
    if (!isWireGuardError(error))
      throw new FuzzFailure(`threw ${error instanceof Error ? error.stack : String(error)}`, text)
    if (error.message.length < 10) throw new FuzzFailure(`says only "${error.message}"`, text)
    if (error.message.includes(MARK.slice(0, 8))) throw new FuzzFailure(`an error quotes a key: ${error.message}`, text)
    if (uapiErrno(error) <= 0) throw new FuzzFailure('an error without a number', text)
  }

  #request(): string {
    const random = this.#random
    if (random.chance(0.1)) return 'get=1\n\n'
    const lines = ['set=1']
    const deviceLines = ['private_key', 'listen_port', 'fwmark', 'replace_peers']
    const peerLines = [
      ...['remove', 'update_only', 'preshared_key', 'endpoint', 'persistent_keepalive_interval', 'replace_allowed_ips'],
      ...['allowed_ip', 'allowed_ip', 'allowed_ip', 'protocol_version'],
    ]
    for (const name of deviceLines) if (random.chance(0.1)) lines.push(this.#line(name))
    for (let peer = random.below(4); peer > 0; peer--) {
      lines.push(this.#line('public_key'))
      for (let i = random.below(5); i > 0; i--) lines.push(this.#line(random.pick(peerLines)))
    }
    return [...lines, '', random.chance(0.1) ? 'get=1\n\n' : ''].join('\n')
  }

  #line(name: string): string {
    const random = this.#random
    const address = () =>
      random.chance(0.5)
        ? `10.${random.below(256)}.0.${random.below(300)}`
        : `fd00::${random.below(0x11000).toString(16)}`
    switch (name) {
      case 'private_key':
      case 'preshared_key':
        return `${name}=${random.chance(0.1) ? '0'.repeat(64) : MARK + Buffer.from(random.bytes(23)).toString('hex')}`
      case 'public_key':
        return `${name}=${random.pick(['a', 'b', 'c']).repeat(64)}`
      case 'endpoint': {
        const host = address()
        return `${name}=${host.includes(':') ? `[${host}]` : host}:${random.below(70_000)}`
      }
      case 'allowed_ip':
        return `${name}=${random.chance(0.2) ? '-' : ''}${address()}/${random.below(140)}`
      case 'listen_port':
      case 'persistent_keepalive_interval':
        return `${name}=${random.below(70_000)}`
      case 'fwmark':
        return `${name}=${random.u32()}`
      default:
        return `${name}=${name === 'protocol_version' ? 1 : 'true'}`
    }
  }

  #spoil(text: string): string {
    const random = this.#random
    const at = random.below(text.length + 1)
    switch (random.below(7)) {
      case 0:
        return text.slice(0, at) + String.fromCharCode(random.below(256)) + text.slice(at + 1)
      case 1:
        return text.slice(0, at) + text.slice(at + random.between(1, 20))
      case 2:
        return (
          text.slice(0, at) +
          random.pick(['\n', '\n\n', '=', '\0', '\r\n', ' ', '__proto__=1\n', 'constructor=1\n']) +
          text.slice(at)
        )
      case 3:
        return text.slice(0, at)
      case 4:
        return text.slice(0, at) + random.pick(['9', 'a', '=', MARK]).repeat(random.between(1, 1200)) + text.slice(at)
      case 5:
        return Buffer.from(random.bytes(random.below(300))).toString('latin1')
      default: {
        const lines = text.split('\n')
        const from = random.below(lines.length)
        lines.splice(random.below(lines.length), 0, lines[from]!)
        return lines.join('\n')
      }
    }
  }
}
