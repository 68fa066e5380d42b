import type { DeviceSecrets, DeviceSnapshot, DeviceUpdate } from '@wireweave/tunnel/config'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { formatPrefix, parseEndpoint, parsePrefix } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { describe, expect, test } from 'vitest'
import { type UapiRequest, UapiReader, encodeErrno, encodeGetAnswer, uapiErrno } from '../src/uapi.js'

const SECRET = 'e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a'
const PEER = 'b85996fecc9c7f1fc6d2572a76eda11d59bcd20be8e543b15ce4bd85a8e75a33'
const OTHER = '58402e695ba1772b1cc9309755f043251ea77fdcf10fbe63989ceb7e19321376'
const PSK = '188515093e952f5f22e865cef3012e72f8b5f0b598ac0309d5dacce3b70fcf52'
const ZERO = '0'.repeat(64)

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const key = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

function read(input: string, reader = new UapiReader()): UapiRequest[] {
  return [...reader.read(utf8(input))]
}

/** The update of a `set` with these lines. */
function setOf(...lines: string[]): DeviceUpdate {
  const [request, ...rest] = read(['set=1', ...lines, '', ''].join('\n'))
  expect(rest).toEqual([])
  if (request?.tag !== 'set') throw new Error(request?.tag === 'rejected' ? request.error.message : 'no request')
  return request.update
}

/** Name of the error number with which a `set` of these lines is rejected. */
function rejectionOf(...lines: string[]): string | null {
  const [request] = read(['set=1', ...lines, '', ''].join('\n'))
  return request?.tag === 'rejected' ? request.error.errno : null
}

describe('set', () => {
  test('every key of a device and of a peer lands in its field', () => {
    const update = setOf(
      `private_key=${SECRET}`,
      'listen_port=12912',
      'fwmark=3735928559',
      'replace_peers=true',
      `public_key=${PEER}`,
      `preshared_key=${PSK}`,
      'endpoint=[abcd:23::33%2]:51820',
      'persistent_keepalive_interval=65535',
      'protocol_version=1',
      'replace_allowed_ips=true',
      'allowed_ip=192.168.4.4/32',
      'allowed_ip=2001:db8::/33',
      `public_key=${OTHER}`,
      'update_only=true',
      'endpoint=182.122.22.19:3233',
      'allowed_ip=-192.168.4.4/32',
    )
    expect(update).toEqual({
      privateKey: key(SECRET),
      listenPort: 12912,
      fwmark: 3735928559,
      replacePeers: true,
      peers: [
        {
          publicKey: key(PEER),
          presharedKey: key(PSK),
          endpoint: parseEndpoint('[abcd:23::33%2]:51820'),
          persistentKeepaliveInterval: 65535,
          replaceAllowedIps: true,
          allowedIps: [parsePrefix('192.168.4.4/32'), parsePrefix('2001:db8::/33')],
        },
        {
          publicKey: key(OTHER),
          updateOnly: true,
          endpoint: parseEndpoint('182.122.22.19:3233'),
          allowedIps: [{ ...parsePrefix('192.168.4.4/32'), remove: true }],
        },
      ],
    })
  })

  test('zeros clear a key and a firewall mark', () => {
    expect(setOf(`private_key=${ZERO}`, 'fwmark=0', `public_key=${PEER}`, `preshared_key=${ZERO}`)).toEqual({
      privateKey: null,
      fwmark: null,
      peers: [{ publicKey: key(PEER), presharedKey: null }],
    })
  })

  test('absent lines leave everything as it is', () => {
    expect(setOf()).toEqual({})
    expect(setOf(`public_key=${PEER}`)).toEqual({ peers: [{ publicKey: key(PEER) }] })
  })

  test('a later line wins over an earlier one of the same key', () => {
    expect(setOf('listen_port=1', 'listen_port=2', 'fwmark=3', 'fwmark=0')).toEqual({ listenPort: 2, fwmark: null })
  })

  test('replace_allowed_ips also replaces those of the lines before it, once other peers have lost them', () => {
    const update = setOf(
      `public_key=${PEER}`,
      'allowed_ip=10.0.0.0/8',
      'replace_allowed_ips=true',
      'allowed_ip=11.0.0.0/8',
    )
    expect(update.peers).toEqual([
      { publicKey: key(PEER), allowedIps: [parsePrefix('10.0.0.0/8')] },
      { publicKey: key(PEER), replaceAllowedIps: true, allowedIps: [parsePrefix('11.0.0.0/8')] },
    ])
    expect(
      setOf(`public_key=${PEER}`, 'update_only=true', 'allowed_ip=10.0.0.0/8', 'replace_allowed_ips=true').peers,
    ).toEqual([
      { publicKey: key(PEER), updateOnly: true, allowedIps: [parsePrefix('10.0.0.0/8')] },
      { publicKey: key(PEER), updateOnly: true, replaceAllowedIps: true },
    ])
    expect(
      setOf(`public_key=${PEER}`, 'remove=true', 'allowed_ip=10.0.0.0/8', 'replace_allowed_ips=true').peers,
    ).toHaveLength(1)
  })

  test('a public key that occurs twice stays two updates in order', () => {
    const update = setOf(`public_key=${PEER}`, 'remove=true', `public_key=${PEER}`)
    expect(update.peers).toEqual([{ publicKey: key(PEER), remove: true }, { publicKey: key(PEER) }])
  })

  test('host bits of an allowed IP are cleared', () => {
    expect(setOf(`public_key=${PEER}`, 'allowed_ip=10.1.2.3/8').peers![0]!.allowedIps!.map(formatPrefix)).toEqual([
      '10.0.0.0/8',
    ])
  })

  test('a zone that is a name is looked up, and unknown ones are invalid', () => {
    const reader = new UapiReader({ zoneIndex: (zone) => (zone === 'eth0' ? 7 : null) })
    const input = (zone: string): string => `set=1\npublic_key=${PEER}\nendpoint=[fe80::1%${zone}]:9\n\n`
    const [known] = read(input('eth0'), reader)
    expect(known?.tag === 'set' && known.update.peers![0]!.endpoint).toEqual(parseEndpoint('[fe80::1%7]:9'))
    expect(read(input('eth1'), reader)[0]?.tag).toBe('rejected')
    expect(read(input('3'), reader)[0]?.tag).toBe('set')
  })

  test.each([
    ['a line without an equals sign', 'EPROTO', ['listen_port']],
    ['an unknown key of a device', 'EINVAL', ['mtu=1420']],
    ['an unknown key of a peer', 'EINVAL', [`public_key=${PEER}`, 'name=home']],
    ['a device key after a peer began', 'EINVAL', [`public_key=${PEER}`, 'listen_port=1']],
    ['a peer key before a peer began', 'EINVAL', ['allowed_ip=10.0.0.0/8']],
    ['a get-only key', 'EINVAL', [`public_key=${PEER}`, 'rx_bytes=1']],
    ['a key that Object.prototype has', 'EINVAL', ['__proto__=1']],
    ['an empty key', 'EINVAL', ['=1']],
    ['a private key of 63 digits', 'EINVAL', [`private_key=${SECRET.slice(1)}`]],
    ['a private key of 65 digits', 'EINVAL', [`private_key=${SECRET}0`]],
    ['a private key in base64', 'EINVAL', ['private_key=6EtabScXwQA6E7QxVwNT26ypFGzxUMX4V1aA/rpSAno=']],
    ['a port of 65536', 'EINVAL', ['listen_port=65536']],
    ['a negative port', 'EINVAL', ['listen_port=-1']],
    ['an empty port', 'EINVAL', ['listen_port=']],
    ['a firewall mark in hexadecimal', 'EINVAL', ['fwmark=0x1']],
    ['a firewall mark of 2^32', 'EINVAL', ['fwmark=4294967296']],
    ['replace_peers=false', 'EINVAL', ['replace_peers=false']],
    ['remove=1', 'EINVAL', [`public_key=${PEER}`, 'remove=1']],
    ['update_only=TRUE', 'EINVAL', [`public_key=${PEER}`, 'update_only=TRUE']],
    ['replace_allowed_ips=yes', 'EINVAL', [`public_key=${PEER}`, 'replace_allowed_ips=yes']],
    ['a host name as endpoint', 'EINVAL', [`public_key=${PEER}`, 'endpoint=demo.wireguard.com:51820']],
    ['an IPv6 endpoint without brackets', 'EINVAL', [`public_key=${PEER}`, 'endpoint=::1:51820']],
    ['an endpoint without a port', 'EINVAL', [`public_key=${PEER}`, 'endpoint=1.2.3.4']],
    ['an allowed IP without a length', 'EINVAL', [`public_key=${PEER}`, 'allowed_ip=10.0.0.0']],
    ['an allowed IP of 33 bits', 'EINVAL', [`public_key=${PEER}`, 'allowed_ip=10.0.0.0/33']],
    ['an allowed IP that is taken away twice', 'EINVAL', [`public_key=${PEER}`, 'allowed_ip=--10.0.0.0/8']],
    ['a keepalive of 65536 s', 'EINVAL', [`public_key=${PEER}`, 'persistent_keepalive_interval=65536']],
    ['a keepalive of "off"', 'EINVAL', [`public_key=${PEER}`, 'persistent_keepalive_interval=off']],
    ['another protocol version', 'EINVAL', [`public_key=${PEER}`, 'protocol_version=2']],
    ['a carriage return', 'EINVAL', ['listen_port=1\r']],
    ['a line of 1025 bytes', 'EPROTO', [`listen_port=${'1'.repeat(1025 - 12)}`]],
  ])('%s is %s', (_, errno, lines) => {
    expect(rejectionOf(...lines)).toBe(errno)
    // Whatever comes before and after it, the whole request is void.
    expect(rejectionOf('listen_port=1', ...lines)).toBe(errno)
    expect(rejectionOf(...lines, `public_key=${PEER}`)).toBe(errno)
  })

  test('an error names the line and never what stood there', () => {
    for (const line of [
      SECRET,
      `${SECRET}=`,
      `=${SECRET}`,
      `private_key=x${SECRET}`,
      `listen_port=${SECRET}`,
      `endpoint=${SECRET}`,
    ]) {
      const [request] = read(`set=1\nreplace_peers=true\n${line}\n\n`)
      if (request?.tag !== 'rejected') throw new Error('accepted')
      expect(request.error.message).toContain('line 3')
      expect(request.error.message).not.toContain(SECRET.slice(0, 8))
    }
  })
})

describe('a connection', () => {
  test('carries several requests, also after a rejected one', () => {
    const requests = read('get=1\n\nset=1\nlisten_port=1\n\nset=1\nnonsense\nlisten_port=2\n\nget=1\n\n')
    expect(requests.map((request) => request.tag)).toEqual(['get', 'set', 'rejected', 'get'])
  })

  test('may arrive in any pieces', () => {
    const input = utf8(`set=1\nprivate_key=${SECRET}\npublic_key=${PEER}\nallowed_ip=10.0.0.0/8\n\nget=1\n\n`)
    const whole = [...new UapiReader().read(input)]
    expect(whole).toHaveLength(2)
    for (const size of [1, 2, 7, 64]) {
      const reader = new UapiReader()
      const requests: UapiRequest[] = []
      for (let at = 0; at < input.length; at += size) requests.push(...reader.read(input.subarray(at, at + size)))
      expect(requests).toEqual(whole)
    }
  })

  test('that ends in the middle of a set commits it, with its last line', () => {
    const reader = new UapiReader()
    expect(read('set=1\nlisten_port=7', reader)).toEqual([])
    expect([...reader.end()]).toEqual([{ tag: 'set', update: { listenPort: 7 } }])
    expect([...reader.end()]).toEqual([])
  })

  test('that ends in the middle of anything else asks for nothing', () => {
    for (const input of ['', 'get=1\n', 'set=1\n\n', 'get=1\n\n']) {
      const reader = new UapiReader()
      const before = read(input, reader).length
      expect([...reader.end()]).toHaveLength(0)
      expect(before).toBe(input.endsWith('\n\n') ? 1 : 0)
    }
  })

  test('a get with anything but a blank line is rejected', () => {
    expect(read('get=1\nlisten_port=1\n\n')[0]).toMatchObject({ tag: 'rejected', operation: 'get' })
  })

  test.each(['get=2\n', 'set=1 \n', '\n', 'GET / HTTP/1.1\n', `${SECRET}\n`, 'get=1\r\n'])(
    'is over when it begins with %j',
    (input) => {
      expect(() => read(input)).toThrow(WireGuardError)
      expect(() => read(`get=1\n\n${input}`)).toThrow(WireGuardError)
    },
  )

  test('is over when a request has more bytes than allowed, counted anew for each request', () => {
    const limits = { maxRequestBytes: 100 }
    const request = `set=1\n${'listen_port=1\n'.repeat(6)}\n`
    expect(read(request.repeat(3), new UapiReader(limits))).toHaveLength(3)
    expect(() => read(`set=1\n${'listen_port=1\n'.repeat(7)}\n`, new UapiReader(limits))).toThrow(/more than 100 bytes/)
    expect(() => read(`set=1\n${'x'.repeat(200)}`, new UapiReader(limits))).toThrow(/more than 100 bytes/)
  })

  test('leaves the answers before it is over', () => {
    const requests = new UapiReader().read(utf8('get=1\n\nwhat\n'))
    expect(requests.next().value).toEqual({ tag: 'get' })
    expect(() => requests.next()).toThrow(/begins with neither/)
  })
})

describe('answers', () => {
  const snapshot: DeviceSnapshot = {
    publicKey: key(OTHER) as PublicKey,
    listenPort: 12912,
    fwmark: 3735928559,
    peers: [
      {
        publicKey: key(PEER) as PublicKey,
        hasPresharedKey: true,
        endpoint: parseEndpoint('[abcd:23::33]:51820'),
        persistentKeepaliveInterval: 111,
        allowedIps: [parsePrefix('192.168.4.4/32')!, parsePrefix('::/0')!],
        lastHandshakeTimeNs: 1_700_000_000_123_456_789n,
        rxBytes: 2224n,
        txBytes: 18_446_744_073_709_551_615n,
      },
      {
        publicKey: key(OTHER) as PublicKey,
        hasPresharedKey: false,
        endpoint: null,
        persistentKeepaliveInterval: 0,
        allowedIps: [],
        lastHandshakeTimeNs: null,
        rxBytes: 0n,
        txBytes: 0n,
      },
    ],
  }
  const secrets: DeviceSecrets = {
    privateKey: key(SECRET) as PrivateKey,
    presharedKeys: [key(PSK) as PresharedKey, null],
  }

  test('get tells everything, in the order of wireguard-go', () => {
    expect(text(encodeGetAnswer(snapshot, secrets))).toBe(
      `private_key=${SECRET}\nlisten_port=12912\nfwmark=3735928559\n` +
        `public_key=${PEER}\npreshared_key=${PSK}\nprotocol_version=1\nendpoint=[abcd:23::33]:51820\n` +
        'last_handshake_time_sec=1700000000\nlast_handshake_time_nsec=123456789\n' +
        'tx_bytes=18446744073709551615\nrx_bytes=2224\npersistent_keepalive_interval=111\n' +
        'allowed_ip=192.168.4.4/32\nallowed_ip=::/0\n' +
        `public_key=${OTHER}\npreshared_key=${ZERO}\nprotocol_version=1\n` +
        'last_handshake_time_sec=0\nlast_handshake_time_nsec=0\ntx_bytes=0\nrx_bytes=0\npersistent_keepalive_interval=0\n' +
        'errno=0\n\n',
    )
  })

  test('get omits a key, port and mark that are not there', () => {
    const empty: DeviceSnapshot = { publicKey: null, listenPort: 0, fwmark: null, peers: [] }
    expect(text(encodeGetAnswer(empty, { privateKey: null, presharedKeys: [] }))).toBe('errno=0\n\n')
  })

  test('an error is negative after set and positive after get, because wg reads them so', () => {
    expect(text(encodeErrno('set', 22))).toBe('errno=-22\n\n')
    expect(text(encodeErrno('get', 22))).toBe('errno=22\n\n')
    expect(text(encodeErrno('set', 0))).toBe('errno=0\n\n')
  })

  test.each([
    [new WireGuardError('CONFIG_INVALID', ''), 22],
    [new WireGuardError('CONFIG_INVALID', '', { errno: 'EPROTO' }), 71],
    [new WireGuardError('ADDRESS_IN_USE', ''), 98],
    [new WireGuardError('SYSTEM', '', { errno: 'EPERM' }), 1],
    [new WireGuardError('SYSTEM', '', { errno: 'ESOMETHING' }), 5],
    [new WireGuardError('CLOSED', ''), 19],
    [new TypeError('a bug'), 55],
    [undefined, 55],
  ])('%s has the error number %i', (error, errno) => {
    expect(uapiErrno(error)).toBe(errno)
  })
})

/** Of the processor, which others may have meanwhile. */
function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

describe('size', () => {
  /** As the namespace test of wireguard-go: a third-level enumeration of 10.0.0.0/8 and of an IPv6 /64. */
  function manyPrefixes(): string[] {
    const prefixes: string[] = []
    for (let a = 0; a < 255; a++)
      for (let b = 0; b < 256; b++)
        prefixes.push(`10.${a}.${b}.0/24`, `fd00:aa:${a.toString(16)}:${(b + 1).toString(16)}::/64`)
    return prefixes
  }

  test('130 560 allowed IPs in one set are read in linear time, and written back', () => {
    const prefixes = manyPrefixes()
    expect(prefixes).toHaveLength(130_560)
    const input = utf8(`set=1\npublic_key=${PEER}\n${prefixes.map((prefix) => `allowed_ip=${prefix}\n`).join('')}\n`)
    const half = utf8(
      `set=1\npublic_key=${PEER}\n${prefixes
        .slice(0, 65_280)
        .map((prefix) => `allowed_ip=${prefix}\n`)
        .join('')}\n`,
    )
    const time = (bytes: Uint8Array): [number, UapiRequest[]] => {
      const start = process.cpuUsage()
      const reader = new UapiReader()
      const requests: UapiRequest[] = []
      for (let at = 0; at < bytes.length; at += 65536) requests.push(...reader.read(bytes.subarray(at, at + 65536)))
      return [cpuMs(start), requests]
    }
    time(half)
    const [halfMs] = time(half)
    const [wholeMs, [request]] = time(input)
    expect(wholeMs).toBeLessThan(10 * halfMs + 500)
    expect(wholeMs).toBeLessThan(8_000)
    if (request?.tag !== 'set') throw new Error('rejected')
    const { allowedIps, publicKey } = request.update.peers![0]!
    expect(allowedIps!.map(formatPrefix).join() === prefixes.join()).toBe(true)
    const answer = text(
      encodeGetAnswer(
        {
          publicKey: null,
          listenPort: 0,
          fwmark: null,
          peers: [
            {
              publicKey,
              hasPresharedKey: false,
              endpoint: null,
              persistentKeepaliveInterval: 0,
              allowedIps: allowedIps!,
              lastHandshakeTimeNs: null,
              rxBytes: 0n,
              txBytes: 0n,
            },
          ],
        },
        { privateKey: null, presharedKeys: [null] },
      ),
    )
    expect(answer.match(/^allowed_ip=/gm)).toHaveLength(130_560)
    expect(answer).toContain(`\nallowed_ip=${prefixes.at(-1)}\nerrno=0\n\n`)
  })
})
