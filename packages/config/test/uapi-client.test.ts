import type { PublicKey } from '@wireweave/tunnel/keys'
import { describe, expect, test } from 'vitest'
import { AnswerReader, encodeGet } from '../src/uapi-client.js'

const PEER = 'b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33'
const SECRET = 'e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a'

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

function reader(maxBytes?: number): AnswerReader {
  return new AnswerReader({
    publicKeyOf: () => new Uint8Array(32).fill(7) as PublicKey,
    zoneIndex: (zone) => (zone === 'eth0' ? 3 : null),
    ...(maxBytes !== undefined && { maxBytes }),
  })
}

function readAll(...lines: string[]): AnswerReader {
  const answer = reader()
  answer.read(utf8(`${lines.join('\n')}\n\n`))
  return answer
}

describe('an answer', () => {
  test('to set is a number, of either sign', () => {
    expect(readAll('errno=0').errno).toBe(0)
    expect(readAll('errno=-98').errno).toBe(98)
    expect(readAll('errno=13').errno).toBe(13)
  })

  test('may have keys that are not known yet, of the device and of a peer', () => {
    const { device } = readAll('new_thing=1', 'listen_port=5', `public_key=${PEER}`, 'newer=x', 'rx_bytes=9', 'errno=0')
    expect(device.snapshot).toMatchObject({ listenPort: 5, peers: [{ rxBytes: 9n }] })
  })

  test('may name the zone of an endpoint by its interface', () => {
    const { device } = readAll(`public_key=${PEER}`, 'endpoint=[fe80::1%eth0]:51820', 'errno=0')
    expect(device.snapshot.peers[0]!.endpoint).toMatchObject({ port: 51820, scopeId: 3 })
  })

  test('costs one multiplication on the curve, however many private keys it has', () => {
    let calls = 0
    const answer = new AnswerReader({
      publicKeyOf: (privateKey) => {
        calls++
        return privateKey.slice() as unknown as PublicKey
      },
    })
    answer.read(utf8(`private_key=${PEER}\n`.repeat(1000)))
    answer.read(utf8(`private_key=${SECRET}\nerrno=0\n\n`))
    expect(calls).toBe(1)
    expect(Buffer.from(answer.device.snapshot.publicKey!).toString('hex')).toBe(SECRET)
  })

  test('that breaks off is none', () => {
    const half = reader()
    half.read(utf8('listen_port=1\nerrno=0\n'))
    expect(half.isComplete).toBe(false)
    expect(() => half.errno).toThrow('breaks off')
  })

  test.each([
    ['no errno', 'listen_port=1'],
    ['a port that is none', 'listen_port=70000\nerrno=0'],
    ['half a key', `private_key=${SECRET.slice(1)}\nerrno=0`],
    ['a line that is no pair', `${SECRET}\nerrno=0`],
    ['an endless line', `x=${'1'.repeat(5000)}\nerrno=0`],
    ['a prefix that is none', `public_key=${PEER}\nallowed_ip=10.0.0.0/33\nerrno=0`],
    ['a counter that is none', `public_key=${PEER}\nrx_bytes=-1\nerrno=0`],
  ])('with %s is refused, and nothing of it is repeated', (_, text) => {
    let message = ''
    try {
      reader().read(utf8(`${text}\n\n`))
    } catch (error) {
      message = (error as Error).message
    }
    expect(message).toMatch(/^the answer has /)
    expect(message).not.toContain(SECRET.slice(5, 15))
  })

  test('without end is cut off', () => {
    const bounded = reader(1000)
    const more = (): void => {
      for (let i = 0; i < 100; i++) bounded.read(utf8('something=1\nsomething=2\n'))
    }
    expect(more).toThrow('more than 1000 bytes')
  })

  test('of more peers or allowed IPs than a device has is cut off, long before its bytes are', () => {
    const piece = (line: string): Uint8Array => utf8(`${line}\n`.repeat(1024))
    const read = (answer: AnswerReader, line: string, pieces: number): void => {
      const bytes = piece(line)
      for (let i = 0; i < pieces; i++) answer.read(bytes)
    }
    const peers = reader()
    read(peers, `public_key=${PEER}`, 256)
    expect(() => read(peers, `public_key=${PEER}`, 1)).toThrow('more than 262144 peers')
    const prefixes = reader()
    prefixes.read(utf8(`public_key=${PEER}\n`))
    read(prefixes, 'allowed_ip=::/0', 512)
    expect(() => read(prefixes, 'allowed_ip=::/0', 1)).toThrow('more than 524288 allowed IPs')
  })

  test('leaves no key behind when it is wiped', () => {
    const answer = readAll(`private_key=${SECRET}`, `public_key=${PEER}`, `preshared_key=${SECRET}`, 'errno=0')
    const { privateKey, presharedKeys } = answer.device.secrets
    answer.wipe()
    expect([privateKey, ...presharedKeys]).toEqual([new Uint8Array(32), new Uint8Array(32)])
  })
})

test('a get request is the one of the documentation', () => {
  expect(new TextDecoder().decode(encodeGet())).toBe('get=1\n\n')
})
