import type { PeerUpdate } from '@wireweave/tunnel/config'
import { parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { describe, expect, test } from 'vitest'
import * as abi from '../src/abi.js'
import { decodeConfiguration, encodeUpdate } from '../src/codec.js'

const key = <K>(fill: number): K => new Uint8Array(32).fill(fill) as K
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const u32 = (bytes: Uint8Array, at: number): number => new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true)
const zeros = (count: number): string => '00'.repeat(count)

describe('WireGuardSetConfiguration', () => {
  test('gets the bytes that its records say', () => {
    const bytes = encodeUpdate({
      privateKey: key<PrivateKey>(0xaa),
      listenPort: 51820,
      fwmark: 0x1234,
      replacePeers: true,
      peers: [
        {
          publicKey: key<PublicKey>(0xbb),
          presharedKey: key<PresharedKey>(0xcc),
          endpoint: parseEndpoint('192.0.2.1:51821')!,
          persistentKeepaliveInterval: 25,
          replaceAllowedIps: true,
          allowedIps: [parsePrefix('10.0.0.0/8')!, { ...parsePrefix('2001:db8::/32')!, remove: true }],
        },
        { publicKey: key<PublicKey>(0xdd), updateOnly: true, endpoint: parseEndpoint('[fe80::1%3]:7')! },
      ],
    })
    const expected = [
      ['0e000000', '6cca', 'aa'.repeat(32), zeros(32), zeros(2), '02000000', zeros(4)],
      ['2f000000', zeros(4), 'bb'.repeat(32), 'cc'.repeat(32), '1900', zeros(2)],
      ['0200ca6d', 'c0000201', zeros(20), zeros(24), '02000000', zeros(4)],
      ['0a000000', zeros(12), '0200', '08', '00', '00000000'],
      ['20010db8', zeros(12), '1700', '20', '00', '01000000'],
      ['89000000', zeros(4), 'dd'.repeat(32), zeros(32), '0000', zeros(2)],
      ['17000007', zeros(4), 'fe80', zeros(13), '01', '03000000', zeros(24), '00000000', zeros(4)],
    ]
    expect(hex(bytes)).toBe(expected.flat().join(''))
  })

  test('absent is left out, null clears, removal says nothing else', () => {
    expect(hex(encodeUpdate({}))).toBe(zeros(80))
    const cleared = encodeUpdate({ privateKey: null, peers: [{ publicKey: key(1), presharedKey: null }] })
    expect(u32(cleared, 0)).toBe(abi.INTERFACE_HAS_PRIVATE_KEY)
    expect(hex(cleared.subarray(6, 38))).toBe(zeros(32))
    expect(u32(cleared, 80)).toBe(abi.PEER_HAS_PUBLIC_KEY | abi.PEER_HAS_PRESHARED_KEY)
    const removal: PeerUpdate = {
      ...{ publicKey: key<PublicKey>(1), remove: true, updateOnly: true, presharedKey: key<PresharedKey>(2) },
      ...{ replaceAllowedIps: true, allowedIps: [parsePrefix('10.0.0.0/8')!] },
    }
    const removed = encodeUpdate({ peers: [removal] })
    expect(removed).toHaveLength(80 + 136)
    expect(u32(removed, 80)).toBe(abi.PEER_HAS_PUBLIC_KEY | abi.PEER_REMOVE)
    expect(hex(removed.subarray(80 + 40))).toBe(zeros(96))
  })
})

describe('WireGuardGetConfiguration', () => {
  const full = (): Uint8Array => {
    const bytes = encodeUpdate({
      privateKey: key<PrivateKey>(0xaa),
      listenPort: 51820,
      peers: [
        {
          publicKey: key<PublicKey>(0xbb),
          presharedKey: key<PresharedKey>(0xcc),
          endpoint: parseEndpoint('[fe80::1%3]:7')!,
          persistentKeepaliveInterval: 65535,
          allowedIps: [parsePrefix('10.0.0.0/8')!, parsePrefix('::/0')!],
        },
        { publicKey: key<PublicKey>(0xdd), persistentKeepaliveInterval: 0 },
      ],
    })
    const view = new DataView(bytes.buffer)
    view.setUint32(0, 7, true)
    bytes.fill(0xee, 38, 70)
    view.setBigUint64(80 + 104, 0xffff_ffff_ffffn, true)
    view.setBigUint64(80 + 112, 1n, true)
    view.setBigUint64(80 + 120, 133_444_736_001_234_567n, true)
    return bytes
  }

  test('is read in full: keys, endpoints, counters, and FILETIME as nanoseconds since 1970', () => {
    const { snapshot, secrets } = decodeConfiguration(full())
    expect(snapshot).toEqual({
      publicKey: key(0xee),
      listenPort: 51820,
      fwmark: null,
      peers: [
        {
          publicKey: key(0xbb),
          hasPresharedKey: true,
          endpoint: parseEndpoint('[fe80::1%3]:7'),
          persistentKeepaliveInterval: 65535,
          allowedIps: [parsePrefix('10.0.0.0/8'), parsePrefix('::/0')],
          lastHandshakeTimeNs: 1_700_000_000_123_456_700n,
          rxBytes: 1n,
          txBytes: 0xffff_ffff_ffffn,
        },
        {
          ...{ publicKey: key(0xdd), hasPresharedKey: false, endpoint: null, persistentKeepaliveInterval: 0 },
          ...{ allowedIps: [], lastHandshakeTimeNs: null, rxBytes: 0n, txBytes: 0n },
        },
      ],
    })
    expect(secrets).toEqual({ privateKey: key(0xaa), presharedKeys: [key(0xcc), null] })
  })

  test('keys count only where a flag says that they are there, and outlive the buffer', () => {
    const bytes = full()
    const before = decodeConfiguration(bytes)
    new DataView(bytes.buffer).setUint32(0, 0, true)
    new DataView(bytes.buffer).setUint32(80, abi.PEER_HAS_PUBLIC_KEY, true)
    const { snapshot, secrets } = decodeConfiguration(bytes)
    expect(snapshot).toMatchObject({ publicKey: null, peers: [{ endpoint: null, hasPresharedKey: false }, {}] })
    expect(secrets).toEqual({ privateKey: null, presharedKeys: [null, null] })
    bytes.fill(0)
    expect(before.secrets).toEqual({ privateKey: key(0xaa), presharedKeys: [key(0xcc), null] })
  })

  test('a count that goes beyond the bytes is an error, wherever they end', () => {
    const bytes = full()
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeConfiguration(bytes.subarray(0, length))).toThrow('cannot be read')
    }
  })

  test('a family or prefix length that cannot be is an error', () => {
    const family = full()
    new DataView(family.buffer).setUint16(80 + 136 + 16, 10, true)
    expect(() => decodeConfiguration(family)).toThrow('address family 10')
    const length = full()
    length[80 + 136 + 18] = 33
    expect(() => decodeConfiguration(length)).toThrow('prefix length 33')
  })
})
