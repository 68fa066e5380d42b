import { GENERIC_HEADER_BYTES } from '@wireweave/netlink/generic'
import { readAttributeList, readAttributes, readMessages, readU32 } from '@wireweave/netlink/message'
import { parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import type { AllowedIpUpdate, PeerUpdate } from '@wireweave/tunnel/config'
import { describe, expect, test } from 'vitest'
import * as abi from '../src/abi.js'
import { decodeDevice, encodeGet, encodeUpdate } from '../src/codec.js'
import { withoutRemovals } from '@wireweave/tunnel/removals'

const FAMILY = 0x1c
const IFINDEX = 7

const key = <K>(fill: number): K => new Uint8Array(32).fill(fill) as K
const numbered = (n: number): PublicKey => {
  const bytes = new Uint8Array(32)
  new DataView(bytes.buffer).setUint32(0, n + 1)
  return bytes as PublicKey
}
const payloads = (messages: Uint8Array[]): Uint8Array[] => messages.map((bytes) => readMessages(bytes)[0]!.payload)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

describe('SET_DEVICE', () => {
  test('has the bytes that linux/wireguard.h and linux/netlink.h say', () => {
    const [message, ...more] = encodeUpdate(
      {
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
            allowedIps: [parsePrefix('10.0.0.0/8')!],
          },
        ],
      },
      FAMILY,
      IFINDEX,
    )
    expect(more).toEqual([])
    const expected = [
      ['ec000000', '1c000100', '00000000', '00000000', '01010000'], // 236 bytes; SET_DEVICE, version 1
      ['08000100', '07000000'], // ifindex
      ['24000300', 'aa'.repeat(32)],
      ['06000600', '6cca0000'], // listen port
      ['08000700', '34120000'],
      ['08000500', '01000000'], // REPLACE_PEERS
      ['94000880', '90000080'], // peers, first peer
      ['24000100', 'bb'.repeat(32), '08000300', '02000000'], // REPLACE_ALLOWEDIPS
      ['24000200', 'cc'.repeat(32)],
      ['14000400', '0200ca6d', 'c0000201', '0000000000000000'],
      ['06000500', '19000000'],
      ['20000980', '1c000080', '06000100', '02000000', '08000200', '0a000000', '05000300', '08000000'],
    ]
    expect(hex(message!)).toBe(expected.flat().join(''))
  })

  test('absent is left out, null clears, removal says nothing else', () => {
    const [bare] = payloads(encodeUpdate({}, FAMILY, IFINDEX))
    expect([...readAttributes(bare!.subarray(GENERIC_HEADER_BYTES)).keys()]).toEqual([abi.WGDEVICE_A_IFINDEX])
    const [cleared] = payloads(encodeUpdate({ privateKey: null, fwmark: null }, FAMILY, IFINDEX))
    const attributes = readAttributes(cleared!.subarray(GENERIC_HEADER_BYTES))
    expect(attributes.get(abi.WGDEVICE_A_PRIVATE_KEY)).toEqual(new Uint8Array(32))
    expect(readU32(attributes.get(abi.WGDEVICE_A_FWMARK)!)).toBe(0)
    const removal: PeerUpdate = { publicKey: numbered(1), remove: true, presharedKey: null, allowedIps: [] }
    const [removed] = payloads(encodeUpdate({ peers: [removal] }, FAMILY, IFINDEX))
    const peers = readAttributes(removed!.subarray(GENERIC_HEADER_BYTES)).get(abi.WGDEVICE_A_PEERS)!
    const peer = readAttributes(readAttributeList(peers)[0]![1])
    expect([...peer.keys()]).toEqual([abi.WGPEER_A_PUBLIC_KEY, abi.WGPEER_A_FLAGS])
    expect(readU32(peer.get(abi.WGPEER_A_FLAGS)!)).toBe(abi.WGPEER_F_REMOVE_ME)
  })

  test('20 000 peers are split into messages that add up, and only the first replaces', () => {
    const peers = Array.from({ length: 20_000 }, (_, i) => ({
      publicKey: numbered(i),
      allowedIps: [parsePrefix(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}/32`)!],
    }))
    const messages = encodeUpdate({ replacePeers: true, peers }, FAMILY, IFINDEX)
    expect(messages.length).toBeGreaterThan(10)
    for (const message of messages) expect(message.length).toBeLessThan(65536)
    const replacing = payloads(messages).map((part) =>
      readAttributes(part.subarray(GENERIC_HEADER_BYTES)).has(abi.WGDEVICE_A_FLAGS),
    )
    expect(replacing.indexOf(true)).toBe(0)
    expect(replacing.lastIndexOf(true)).toBe(0)
    expect(decodeDevice(payloads(messages)).snapshot.peers.map((peer) => peer.publicKey)).toEqual(
      peers.map((peer) => peer.publicKey),
    )
  })

  test('130 560 allowed IPs of one peer are split, replaced once and then only added to', () => {
    const allowedIps: AllowedIpUpdate[] = []
    for (let i = 0; i < 130_560; i++) {
      allowedIps.push({ address: Uint8Array.of(10 + (i >> 16), (i >> 8) & 255, i & 255, 0), length: 24 })
    }
    const messages = encodeUpdate(
      { peers: [{ publicKey: numbered(1), replaceAllowedIps: true, allowedIps }] },
      FAMILY,
      IFINDEX,
    )
    const flags = payloads(messages).map((part) => {
      const peers = readAttributes(part.subarray(GENERIC_HEADER_BYTES)).get(abi.WGDEVICE_A_PEERS)!
      return readU32(readAttributes(readAttributeList(peers)[0]![1]).get(abi.WGPEER_A_FLAGS)!)
    })
    expect(flags[0]).toBe(abi.WGPEER_F_REPLACE_ALLOWEDIPS)
    expect(new Set(flags.slice(1))).toEqual(new Set([abi.WGPEER_F_UPDATE_ONLY]))
    const [peer, ...others] = decodeDevice(payloads(messages)).snapshot.peers
    expect(others).toEqual([])
    expect(peer!.allowedIps).toEqual(allowedIps)
  })
})

describe('GET_DEVICE', () => {
  test('asks for one interface', () => {
    expect(hex(encodeGet(FAMILY, IFINDEX))).toBe('1c0000001c0001000000000000000000000100000800010007000000')
  })

  test('keys, both families of endpoints, counters and times are read', () => {
    const endpoint = parseEndpoint('[fe80::1%3]:7')!
    const [part] = payloads(
      encodeUpdate(
        {
          privateKey: key<PrivateKey>(1),
          peers: [
            {
              publicKey: numbered(1),
              presharedKey: key<PresharedKey>(2),
              endpoint,
              allowedIps: [parsePrefix('fd00::/8')!],
            },
          ],
        },
        FAMILY,
        IFINDEX,
      ),
    )
    const { snapshot, secrets } = decodeDevice([part!])
    expect(secrets).toEqual({ privateKey: key(1), presharedKeys: [key(2)] })
    expect(snapshot.peers[0]).toMatchObject({ endpoint, hasPresharedKey: true, lastHandshakeTimeNs: null, rxBytes: 0n })
    expect(
      JSON.stringify(snapshot, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
    ).not.toContain(JSON.stringify([...key<Uint8Array>(2)]).slice(1, -1))
  })
})

test('a list with removals becomes the whole list that is to be', () => {
  const prefixes = ['10.0.0.0/8', '10.1.0.0/16', 'fd00::/8'].map((text) => parsePrefix(text)!)
  const peer = {
    ...{ publicKey: numbered(1), hasPresharedKey: false, endpoint: null, persistentKeepaliveInterval: 0 },
    ...{ allowedIps: prefixes, lastHandshakeTimeNs: null, rxBytes: 0n, txBytes: 0n },
  }
  const snapshot = { publicKey: null, listenPort: 0, fwmark: null, peers: [peer] }
  const allowedIps = [{ ...prefixes[1]!, remove: true }, parsePrefix('192.0.2.0/24')!]
  const rewritten = withoutRemovals({ peers: [{ publicKey: numbered(1), allowedIps }] }, snapshot)
  expect(rewritten.peers![0]).toEqual({
    publicKey: numbered(1),
    replaceAllowedIps: true,
    allowedIps: [prefixes[0], prefixes[2], parsePrefix('192.0.2.0/24')],
  })
})
