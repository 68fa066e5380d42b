/** Whole tunnels over real Linux sockets: what only those can show. */
import { afterEach, describe, expect, test } from 'vitest'
import { bind as bindLibrary } from '@wireweave/ffi/library'
import { linuxBind, linuxBindWorksHere } from '../../src/shell/bind-linux.js'
import type { LinuxBindOptions } from '../../src/shell/bind-linux.js'
import type { OpenBind } from '../../src/shell/bind.js'
import { connect, End, packetTo, PATIENCE_MS } from './support/pair.js'
import { FickleKernel } from './support/kernel.js'

const ends: End[] = []
async function open(number: number, bind: OpenBind): Promise<End> {
  const end = await End.open(number, { bind })
  ends.push(end)
  return end
}
afterEach(async () => {
  for (const end of ends.splice(0)) await end.tunnel.close()
})

describe.runIf(linuxBindWorksHere())('tunnels over Linux sockets', () => {
  const variants: [string, LinuxBindOptions][] = [
    ['all offloads', {}],
    ['no segmentation', { features: { segmentation: false } }],
    ['no coalescing', { features: { coalescing: false } }],
    ['neither', { features: { segmentation: false, coalescing: false } }],
  ]
  test.each(variants)('carry bursts with %s', async (_name, options) => {
    const [a, b] = [await open(1, linuxBind(options)), await open(2, linuxBind(options))]
    await connect(a, b)
    a.send(b, 'first')
    await b.received(1)
    const texts = Array.from({ length: 400 }, (_, i) => `${i} ${'x'.repeat(i % 5 === 0 ? 3 : 1300)}`)
    a.send(b, ...texts)
    expect((await b.received(401)).slice(1)).toEqual(texts)
  })

  test('get new sockets when the old ones are closed under them, and go on with the session', async () => {
    const libc = bindLibrary(null, { close: ['close', 'int', ['int']] })
    const kernel = new FickleKernel()
    const [a, b] = [await open(1, linuxBind({ calls: kernel.calls })), await open(2, linuxBind())]
    await connect(a, b)
    a.send(b, 'before')
    await b.received(1)
    const port = await a.listenPort()
    for (const fd of kernel.open) libc.close(fd)
    a.send(b, 'lost with the sockets')
    await expect.poll(() => a.logged().join(), { timeout: PATIENCE_MS }).toMatch(`open on port ${port}`)
    a.send(b, 'after')
    await expect.poll(async () => (await b.received(2)).at(-1), { timeout: PATIENCE_MS }).toBe('after')
    b.send(a, 'answer')
    expect(await a.received(1)).toEqual(['answer'])
    expect(a.events.filter((event) => event.tag === 'sessionEstablished')).toHaveLength(1)
  })

  test('copy ECN out, and congestion on the way back in', async () => {
    const seen: number[] = []
    let congested = false
    const watching: OpenBind = async (options) => {
      const bind = await linuxBind()(options)
      const receive = bind.receive.bind(bind)
      bind.receive = (batch) => {
        const count = receive(batch)
        for (let i = 0; i < count; i++) {
          seen.push(batch.trafficClasses[i]!)
          if (congested) batch.trafficClasses[i]! |= 3
        }
        return count
      }
      return bind
    }
    const [a, b] = [await open(1, linuxBind()), await open(2, watching)]
    await connect(a, b)
    a.send(b, 'first')
    await b.received(1)
    seen.length = 0
    congested = true
    a.port.put(packetTo(a, b, new Uint8Array(9), 0x02))
    await b.received(2)
    // DSCP stays inside; ECT(0) goes out, CE comes in.
    expect(seen.at(-1)).toBe(0x02)
    expect(b.port.sent[1]![1]).toBe(0x03)
  })
})
