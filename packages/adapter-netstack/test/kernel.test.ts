/** The Linux kernel's TCP as the oracle. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type KernelRig, kernelRig, missing } from './kernel-rig.js'
import { pattern } from './wire.js'

const PROGRAMS = [
  ['iperf3', 'iperf3'],
  ['curl', 'curl'],
  ['nft', 'nftables'],
  ['ping', 'iputils-ping'],
] as const
const lacking = missing(PROGRAMS)

const MEGABYTE = pattern(1 << 20)

describe.skipIf(lacking !== null)(`against the kernel${lacking === null ? '' : `: ${lacking}`}`, () => {
  let rig: KernelRig
  beforeAll(async () => {
    rig = await kernelRig()
  })
  afterAll(async () => {
    await rig?.[Symbol.asyncDispose]()
  })

  test('ping both ways, of every size', async () => {
    for (const bytes of [0, 56, 1392]) expect(await rig.network.ping(rig.address, { bytes })).toBeGreaterThanOrEqual(0)
    expect(await rig.network.ping(rig.address6, { bytes: 1000 })).toBeGreaterThanOrEqual(0)
    await rig.run(10, 'ping', '-c', '2', '-i', '0.2', '10.7.0.2')
    await rig.run(10, 'ping', '-6', '-c', '2', '-i', '0.2', '-s', '1372', 'fd07::2')
  })

  test.each(['10.7.0.2', '[fd07::2]'])(
    'curl downloads and uploads 32 MB, byte-identical (%s)',
    async (host) => {
      const received = createHash('sha256')
      const sent = createHash('sha256')
      let total = 0
      const server = http.createServer((request, response) => {
        if (request.method === 'PUT') {
          request.on('data', (part: Buffer) => {
            total += part.length
            received.update(part)
          })
          request.on('end', () => response.end('done'))
          return
        }
        void (async () => {
          for (let i = 0; i < 32; i++) {
            sent.update(MEGABYTE)
            if (!response.write(MEGABYTE)) await once(response, 'drain')
          }
          response.end()
        })()
      })
      await using listener = rig.network.listen({ port: 0 }, (socket) => server.emit('connection', socket))
      const url = `http://${host}:${listener.address().port}/`
      const down = await rig.run(50, 'sh', '-c', `curl -sgS '${url}' | sha256sum`)
      expect(down.slice(0, 64)).toBe(sent.digest('hex'))
      const script = `f=$(mktemp); head -c 32000000 /dev/urandom >"$f"; curl -sgS -T "$f" '${url}'; echo; sha256sum <"$f"; rm "$f"`
      const [answer, hash] = (await rig.run(50, 'sh', '-c', script)).split('\n')
      expect(answer).toBe('done')
      expect(total).toBe(32_000_000)
      expect(hash!.slice(0, 64)).toBe(received.digest('hex'))
      server.close()
    },
    60_000,
  )

  test('a thousand connections at once', async () => {
    await using listener = rig.network.listen({ port: 0, allowHalfOpen: true }, (socket) => void socket.pipe(socket))
    const script = `
      const net = require('net'), port = ${listener.address().port}
      let open = 0, good = 0
      for (let i = 0; i < 1000; i++) {
        let got = ''
        const s = net.connect(port, '10.7.0.2', () => { if (++open === 1000) for (const t of all) t.end('n' + t.n + 'x'.repeat(5000)) })
        s.n = i
        s.on('data', (d) => got += d).on('end', () => { if (got === 'n' + i + 'x'.repeat(5000) && ++good === 1000) console.log('all good') })
        ;(globalThis.all ??= []).push(s)
      }`
    expect(await rig.run(50, process.execPath, '-e', script)).toContain('all good')
  }, 300_000)

  test('refusal, reset and unreachability have the codes of the kernel', async () => {
    const refused = rig.network.connect({ host: rig.address, port: 9 })
    expect(await errorOf(refused)).toMatchObject({ code: 'ECONNREFUSED' })
    await rig.run(5, 'ip', 'route', 'add', 'unreachable', '10.8.0.0/16')
    await rig.run(5, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')
    expect(await errorOf(rig.network.connect({ host: '10.8.0.1', port: 9 }))).toMatchObject({ code: 'EHOSTUNREACH' })
  })

  test('5 % of loss both ways: 4 MB, byte-identical', async () => {
    const rule = 'numgen random mod 100 < 5 drop'
    const table = `add table inet lossy; add chain inet lossy in { type filter hook input priority 0; }; add chain inet lossy out { type filter hook output priority 0; }; add rule inet lossy in ${rule}; add rule inet lossy out ${rule}`
    await rig.run(5, 'nft', table)
    try {
      const data = Buffer.concat([MEGABYTE, MEGABYTE, MEGABYTE, MEGABYTE])
      const server = http.createServer((_request, response) => response.end(data))
      await using listener = rig.network.listen({ port: 0 }, (socket) => server.emit('connection', socket))
      const script = `curl -sgS --retry 3 --retry-connrefused 'http://10.7.0.2:${listener.address().port}/' | sha256sum`
      const output = await rig.run(50, 'sh', '-c', script)
      expect(output.slice(0, 64)).toBe(createHash('sha256').update(data).digest('hex'))
      server.close()
    } finally {
      await rig.run(5, 'nft', 'delete', 'table', 'inet', 'lossy')
    }
  }, 300_000)

  test.each([
    ['one stream up', []],
    ['four streams down', ['-P', '4', '-R']],
  ] as const)(
    'iperf3, %s',
    async (_name, options) => {
      const serverPort = await freePort()
      const iperf = spawn('timeout', [
        '-k',
        '1',
        '40',
        'iperf3',
        '-s',
        '-1',
        '-B',
        '127.0.0.1',
        '-p',
        String(serverPort),
        '--forceflush',
      ])
      try {
        await once(iperf.stdout, 'data')
        // Our own end: a listener of the stack that hands everything to a server of this host.
        await using listener = rig.network.listen({ port: 0, allowHalfOpen: true }, (socket) => {
          const onward = net.connect({ host: '127.0.0.1', port: serverPort, allowHalfOpen: true })
          pipeline(socket, onward, socket).catch(() => {})
        })
        const { port } = listener.address()
        const output = await rig.run(30, 'iperf3', '-c', '10.7.0.2', '-p', String(port), '-t', '2', '-J', ...options)
        const { end } = JSON.parse(output) as { end: { sum_received: { bits_per_second: number; bytes: number } } }
        console.log(`iperf3 ${_name}: ${(end.sum_received.bits_per_second / 1e9).toFixed(2)} Gbit/s`)
        expect(end.sum_received.bytes).toBeGreaterThan(1_000_000)
      } finally {
        iperf.kill()
      }
    },
    60_000,
  )

  test('a shell: short lines come back without delay', async () => {
    const cat = `require('net').createServer((s) => s.pipe(s)).listen(2222, '10.7.0.1', () => console.log('up'))`
    const child = rig.start(process.execPath, '-e', cat)
    await once(child.stdout!, 'data')
    const socket = rig.network.connect({ host: rig.address, port: 2222, noDelay: true })
    await once(socket, 'connect')
    const times: number[] = []
    for (let i = 0; i < 50; i++) {
      const start = performance.now()
      socket.write(`line ${i}\n`)
      await once(socket, 'data')
      times.push(performance.now() - start)
    }
    times.sort((a, b) => a - b)
    expect(times[25]).toBeLessThan(30)
    const rest = text(socket)
    socket.end()
    await rest
    child.kill()
  }, 300_000)
})

function errorOf(socket: NodeJS.EventEmitter): Promise<NodeJS.ErrnoException> {
  return new Promise((resolve) => socket.once('error', resolve))
}

/** Of the loopback, free a moment ago: iperf3 takes no port 0. */
async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
