/**
 * Run as a process inside a namespace: makes valid initiations from many keys, sends them to a device with a bounded number
 * under way, and prints how many were answered in which time, as JSON.
 *
 *   handshake-client PORT PUBLIC-KEY-HEX WINDOW
 *   handshake-client public-keys                      prints the public keys in base64
 *
 * Secrets come on standard input, 32 bytes each.
 */
import { randomBytes } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { readFileSync } from 'node:fs'
import { selectSuite } from '@wireweave/crypto/select'
import { CookieGenerator } from '@wireweave/noise/cookie'
import { createIdentity, createInitiation } from '@wireweave/noise/handshake'
import {
  HANDSHAKE_INITIATION_BYTES,
  HANDSHAKE_RESPONSE,
  HANDSHAKE_RESPONSE_BYTES,
  readReceiverIndex,
} from '@wireweave/noise/messages'
import { encodeTai64n } from '@wireweave/noise/tai64n'

const secrets = readFileSync(0)
const total = secrets.length / 32
const { suite } = selectSuite()
const identities = Array.from({ length: total }, (_, i) => createIdentity(suite, secrets.subarray(i * 32, i * 32 + 32)))
const [port, publicKeyHex, window] = process.argv.slice(2) as [string, string, string]
if (port === 'public-keys') {
  process.stdout.write(identities.map((each) => Buffer.from(each.privateKey.publicKey).toString('base64')).join('\n'))
  process.exit()
}
const publicKey = suite.x25519.importPublicKey(Buffer.from(publicKeyHex, 'hex'))

const staticStatics = identities.map((identity) => suite.x25519.deriveSharedSecret(identity.privateKey, publicKey))

/** Made before the clock runs: what is measured is the device that answers. */
function makeInitiations(): Uint8Array[] {
  return identities.map((identity, i) => {
    const message = new Uint8Array(HANDSHAKE_INITIATION_BYTES)
    const input = { ephemeralSecret: randomBytes(32), senderIndex: i + 1, timestamp: encodeTai64n(Date.now()) }
    const remote = { publicKey, staticStatic: staticStatics[i]!, presharedKey: null }
    const state = createInitiation(identity, remote, input, message, 0)
    if (typeof state === 'number') throw new Error(`no initiation for key ${i}`)
    new CookieGenerator(suite, publicKey.bytes).addMacs(message, 0, HANDSHAKE_INITIATION_BYTES, performance.now())
    return message
  })
}

const socket = createSocket('udp4')
await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))

/** Sends each once, never more than `window` unanswered; ends when all are answered, or none was for three seconds. */
function run(messages: readonly Uint8Array[]): Promise<{ answered: number; seconds: number }> {
  return new Promise((resolve) => {
    const answered = new Set<number>()
    const started = performance.now()
    let last = started
    let sent = 0
    const send = (): void => {
      if (sent < total) socket.send(messages[sent++]!, Number(port), '127.0.0.1')
    }
    const finish = (): void => {
      clearTimeout(idle)
      socket.removeAllListeners('message')
      resolve({ answered: answered.size, seconds: (last - started) / 1000 })
    }
    const idle = setTimeout(finish, 3000)
    socket.on('message', (bytes) => {
      if (bytes.length !== HANDSHAKE_RESPONSE_BYTES || bytes[0] !== HANDSHAKE_RESPONSE) return
      answered.add(readReceiverIndex(bytes, 0, HANDSHAKE_RESPONSE))
      last = performance.now()
      if (answered.size === total) return finish()
      idle.refresh()
      send()
    })
    for (let i = 0; i < Number(window); i++) send()
  })
}

// The first pass warms up: caches of keys on either side, the just-in-time compiler.
await run(makeInitiations())
process.stdout.write(JSON.stringify(await run(makeInitiations())))
socket.close()
