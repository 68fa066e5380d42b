/** The same random requests to us and to wireguard-go: the same status, and afterwards the same configuration. */
import { spawn } from 'node:child_process'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ours, peers } from '../rig/implementations.js'
import { generateKeyPair } from '../rig/keys.js'
import { Lab } from '../rig/lab.js'
import type { Host } from '../rig/lab.js'
import { describeWith } from '../rig/needs.js'
import { startDaemon } from '../rig/implementations.js'

const wireguardGo = peers.find(({ name }) => name === 'wireguard-go')!

/** A connection to the socket of an interface, through a process inside the lab that copies bytes. */
class UapiClient implements AsyncDisposable {
  readonly #process: ReturnType<typeof spawn>
  #received = ''
  #wake: () => void = () => {}

  constructor(host: Host, interfaceName: string) {
    const script = `
      import { connect } from 'node:net'
      const socket = connect('/var/run/wireguard/${interfaceName}.sock')
      process.stdin.pipe(socket)
      socket.pipe(process.stdout)`
    const args = host.lab.enter(process.execPath, ['--input-type=module', '-e', script])
    this.#process = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#process.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.#received += text
      this.#wake()
    })
  }

  /** Sends a whole request and returns the whole answer. */
  async ask(request: string): Promise<string> {
    this.#received = ''
    this.#process.stdin!.write(request)
    while (!this.#received.endsWith('\n\n')) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.#received
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.stdin!.end()
    await new Promise((resolve) => this.#process.once('close', resolve))
  }
}

const hex = (base64: string): string => Buffer.from(base64, 'base64').toString('hex')
const pairs = Array.from({ length: 4 }, generateKeyPair)
const publicKeys = pairs.map(({ publicKey }) => hex(publicKey))
const ZERO = '0'.repeat(64)

const prefix = fc.constantFrom(
  ...[
    '10.0.0.0/8',
    '10.1.2.3/8',
    '10.0.0.0/9',
    '192.0.2.7/32',
    '0.0.0.0/0',
    '::/0',
    'fd00::/8',
    'fd00::1/128',
    '2001:db8:1::/48',
  ],
)
const peerLine = fc.oneof(
  fc.constantFrom(
    'replace_allowed_ips=true',
    'protocol_version=1',
    `preshared_key=${ZERO}`,
    `preshared_key=${'ab'.repeat(32)}`,
  ),
  prefix.map((text) => `allowed_ip=${text}`),
  prefix.map((text) => `allowed_ip=-${text}`),
  fc.constantFrom('192.0.2.1:1', '[2001:db8::1]:65535', '[::ffff:192.0.2.1]:7').map((text) => `endpoint=${text}`),
  fc.constantFrom(0, 1, 25, 65_535).map((seconds) => `persistent_keepalive_interval=${seconds}`),
)
const keyOf = (line: string): string => line.slice(0, line.indexOf('='))
/** `update_only` and `remove` where `wg` puts them: right behind the key. */
const peer = fc
  .tuple(
    fc.constantFrom(...publicKeys),
    fc.constantFrom([], [], [], ['update_only=true'], ['remove=true'], ['update_only=true', 'remove=true']),
    fc.array(peerLine, { maxLength: 5 }),
  )
  .map(([key, flags, lines]) => [`public_key=${key}`, ...flags, ...lines])
const deviceLine = fc.oneof(
  fc.constantFrom(
    'replace_peers=true',
    'fwmark=0',
    'fwmark=1',
    'fwmark=4294967295',
    'listen_port=7777',
    'listen_port=8888',
  ),
  fc
    .constantFrom(ZERO, ...pairs.slice(0, 2).map(({ privateKey }) => hex(privateKey)))
    .map((key) => `private_key=${key}`),
)
const valid = fc
  // wireguard-go obeys line by line, we the request as a whole: the difference shows when a line takes back another.
  .tuple(fc.uniqueArray(deviceLine, { maxLength: 2, selector: keyOf }), fc.array(peer, { maxLength: 3 }))
  .map(([device, peers]) => [...device, ...peers.flat()])

const badLine = fc.constantFrom(
  ...[
    'nonsense',
    'nonsense=1',
    '=',
    'private_key=00',
    'listen_port=65536',
    'listen_port=x',
    'fwmark=0x1',
    'replace_peers=false',
  ],
  ...[
    'public_key=zz',
    `public_key=${ZERO}0`,
    'allowed_ip=10.0.0.0/33',
    'allowed_ip=10.0.0.0',
    'allowed_ip=',
    'endpoint=nowhere:1',
  ],
  ...[
    'endpoint=1.2.3.4',
    'endpoint=::1:5',
    'remove=1',
    'update_only=yes',
    'persistent_keepalive_interval=65536',
    'protocol_version=2',
  ],
  ...['replace_allowed_ips=1', 'preshared_key=ff', 'rx_bytes=1', 'errno=0'],
)

/** The configuration of a `get` answer, in an order that is the same for all. */
function configuration(answer: string): unknown {
  const [device, ...rest] = answer.split(/^(?=public_key=)/m)
  const lines = (text: string): string[] =>
    text
      .split('\n')
      .filter((line) => line !== '' && !/^(errno|last_handshake_time_n?sec|[rt]x_bytes)=/.test(line))
      .toSorted()
  return [lines(device!), rest.map((peer) => lines(peer).join('\n')).toSorted()]
}

describeWith('UAPI', [ours.need, wireguardGo.need], () => {
  test('valid requests have the effect that they have on wireguard-go', async () => {
    await using lab = await Lab.open()
    await startDaemon(ours, await lab.host('us'), 'us')
    await startDaemon(wireguardGo, await lab.host('them'), 'them')
    await using us = new UapiClient(await lab.host('client'), 'us')
    await using them = new UapiClient(await lab.host('client2'), 'them')
    const both = (request: string): Promise<[string, string]> => Promise.all([us.ask(request), them.ask(request)])
    await fc.assert(
      fc.asyncProperty(fc.array(valid, { minLength: 1, maxLength: 4 }), async (requests) => {
        await both(`set=1\nprivate_key=${ZERO}\nlisten_port=7000\nfwmark=0\nreplace_peers=true\n\n`)
        for (const lines of requests) {
          const [ours, theirs] = await both(`set=1\n${lines.map((line) => `${line}\n`).join('')}\n`)
          expect(ours).toBe(theirs)
        }
        const [ours, theirs] = await both('get=1\n\n')
        expect(configuration(ours)).toEqual(configuration(theirs))
      }),
      { numRuns: 150 },
    )
  })

  test('invalid requests have the status that they have from wireguard-go', async () => {
    await using lab = await Lab.open()
    await startDaemon(ours, await lab.host('us'), 'us')
    await startDaemon(wireguardGo, await lab.host('them'), 'them')
    const client = await lab.host('client')
    await using us = new UapiClient(client, 'us')
    await fc.assert(
      fc.asyncProperty(valid, badLine, async (lines, bad) => {
        // wireguard-go does not understand what follows a request that it refused: a connection for each.
        await using them = new UapiClient(client, 'them')
        const request = `set=1\n${[...lines, bad].map((line) => `${line}\n`).join('')}\n`
        const [ours, theirs] = await Promise.all([us.ask(request), them.ask(request)])
        expect(ours).toBe(theirs)
      }),
      { numRuns: 40 },
    )
  })
})
