import { expect, test } from 'vitest'
import type { DeviceUpdate } from '../src/config.js'
import { isWireGuardError } from '../src/errors.js'
import { parseEndpoint, parsePrefix } from '../src/ip.js'
import type { PresharedKey, PrivateKey, PublicKey } from '../src/keys.js'
import { validateUpdate } from '../src/validate.js'

const publicKey = new Uint8Array(32).fill(1) as PublicKey
const short = new Uint8Array(31).fill(0xab)

const bad: [string, DeviceUpdate][] = [
  ['the private key must have 32 bytes', { privateKey: short as unknown as PrivateKey }],
  ['the listen port must be 0 to 65535', { listenPort: 65536 }],
  ['the listen port must be 0 to 65535', { listenPort: 1.5 }],
  ['the fwmark must be', { fwmark: -1 }],
  ['a public key must have 32 bytes', { peers: [{ publicKey: short as unknown as PublicKey }] }],
  ['the preshared key of peer', { peers: [{ publicKey, presharedKey: short as unknown as PresharedKey }] }],
  ['the persistent keepalive interval of peer', { peers: [{ publicKey, persistentKeepaliveInterval: 65536 }] }],
  ['must have a port', { peers: [{ publicKey, endpoint: { ...parseEndpoint('1.2.3.4:1')!, port: 0 } }] }],
  ['an address of 4 or 16 bytes', { peers: [{ publicKey, endpoint: { address: short, port: 1 } }] }],
  [
    'a prefix length of 0 to 32',
    { peers: [{ publicKey, allowedIps: [{ ...parsePrefix('10.0.0.0/8')!, length: 33 }] }] },
  ],
]

test.each(bad)('refuses with the reason: %s', (message, update) => {
  let error: unknown
  try {
    validateUpdate(update)
  } catch (caught) {
    error = caught
  }
  expect(isWireGuardError(error) && error.code).toBe('CONFIG_INVALID')
  expect((error as Error).message).toContain(message)
  expect((error as Error).message).not.toMatch(/171|ab,|abab/)
})

test('lets pass what is in range', () => {
  validateUpdate({})
  validateUpdate({
    privateKey: null,
    listenPort: 65535,
    fwmark: 0xffffffff,
    peers: [{ publicKey, presharedKey: null }],
  })
  const endpoint = parseEndpoint('[fe80::1%3]:65535')!
  validateUpdate({
    peers: [{ publicKey, endpoint, persistentKeepaliveInterval: 0, allowedIps: [parsePrefix('::/0')!] }],
  })
})
