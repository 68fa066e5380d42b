import { decodeKey } from '@wireweave/tunnel/keys'
import type { PublicKey } from '@wireweave/tunnel/keys'
import { parsePrefix } from '@wireweave/tunnel/ip'
import { describe, expect, test } from 'vitest'
import { readSetWords } from '../src/set-words.js'

const KEY = 'hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo='
const publicKey = decodeKey<PublicKey>(KEY)!

const words = (text: string): string[] => text.split(' ')

describe('the words of set', () => {
  test('land in their fields; what is not mentioned is absent', () => {
    const read = readSetWords([
      ...words('listen-port 51820 fwmark 0xca6c private-key a.key'),
      ...words(`peer ${KEY} preshared-key b.key endpoint vpn.example.org:51820 persistent-keepalive 25`),
      ...words('allowed-ips 10.0.0.1/8,fd00::/8'),
    ])
    expect(read).toEqual({
      listenPort: 51820,
      fwmark: 0xca6c,
      privateKeyFile: 'a.key',
      peers: [
        {
          publicKey,
          presharedKeyFile: 'b.key',
          endpoint: { host: 'vpn.example.org', port: 51820 },
          persistentKeepaliveInterval: 25,
          allowedIps: [parsePrefix('10.0.0.0/8'), parsePrefix('fd00::/8')],
          replaceAllowedIps: true,
        },
      ],
    })
    expect(readSetWords(words(`peer ${KEY}`))).toEqual({ peers: [{ publicKey }] })
  })

  test('off turns a mark and keepalives off', () => {
    expect(readSetWords(words(`fwmark off peer ${KEY} persistent-keepalive off`))).toEqual({
      fwmark: 0,
      peers: [{ publicKey, persistentKeepaliveInterval: 0 }],
    })
  })

  test('an empty list of allowed IPs empties it', () => {
    expect(readSetWords(['peer', KEY, 'allowed-ips', '']).peers).toEqual([
      { publicKey, allowedIps: [], replaceAllowedIps: true },
    ])
  })

  test('with + and - a list changes what is there', () => {
    expect(readSetWords(words(`peer ${KEY} allowed-ips +10.0.0.0/8,-fd00::/8`)).peers).toEqual([
      {
        publicKey,
        allowedIps: [parsePrefix('10.0.0.0/8'), { ...parsePrefix('fd00::/8'), remove: true }],
        replaceAllowedIps: false,
      },
    ])
  })

  test('a peer may be named more than once, and keeps its order', () => {
    expect(readSetWords(words(`peer ${KEY} remove peer ${KEY} persistent-keepalive 1`)).peers).toEqual([
      { publicKey, remove: true },
      { publicKey, persistentKeepaliveInterval: 1 },
    ])
  })

  test.each([
    ['listen-port', /listen-port has no value. Write listen-port 51820/],
    ['listen-port x', /listen-port: "x" is not a port. Use a number from 0/],
    ['remove', /remove stands before the first peer/],
    ['endpoint a:1', /endpoint stands before the first peer/],
    [`peer ${KEY} fwmark 1`, /fwmark belongs to the interface. Write it before the first peer/],
    ['frob 1', /"frob" is no word of set/],
    ['peer abc', /peer: the key has 3 characters instead of 44/],
    [`peer ${KEY} endpoint 1.2.3.4`, /endpoint: "1.2.3.4" has no port/],
    [`peer ${KEY} allowed-ips 10.0.0.0/33`, /allowed-ips: "10.0.0.0\/33" has no valid prefix length/],
    [`peer ${KEY} persistent-keepalive 65536`, /persistent-keepalive: "65536" is not a number of seconds/],
  ])('%s is refused with what to do', (text, message) => {
    expect(() => readSetWords(words(text))).toThrow(message)
  })

  test('a key in the place of a word is not repeated', () => {
    expect(() => readSetWords([KEY, '1'])).toThrow(/^set: \(not shown: it may be a key\) is no word of set/)
  })
})
