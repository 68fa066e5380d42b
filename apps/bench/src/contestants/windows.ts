/**
 * The adapters of Windows. It has no network namespaces: two interfaces of one machine would reach each other without the
 * tunnel. So the other end is our stack in a process, the same for each of them.
 */
import { registry } from 'wireweave'
import { until } from '../run/command.js'
import { End, EndPair } from '../traffic/end-pair.js'
import type { InterfaceRequest } from '../traffic/interface-network.js'
import { innerOf } from './contestant.js'
import type { Contestant, Place, Usage } from './contestant.js'
import { keyPair, versionOf } from './ours.js'
import type { KeyPair } from './ours.js'

const HOST = '127.0.0.1'
/** For the interface that is opened only to time it. */
const TRIAL_SLOT = 250
/** Windows may install a driver the first time. */
const OPENING_SECONDS = 60

function windowsAdapter(name: string, about: string, isOurs: boolean): Contestant {
  return {
    ...{ name, role: 'adapter', reach: 'host', system: 'win32' },
    about: `${about}; the other end is netstack, CPU and memory are of this end`,
    async find(dlls) {
      const backend = (await registry(dlls)).find((each) => each.name === name)!
      const found = await backend.probe()
      if (found.available) return { version: `wireweave ${versionOf('wireweave')}` }
      return { missing: found.reason, remedy: found.remedy }
    },
    async open(place, slot) {
      const inner = innerOf(slot)
      const keys = { a: keyPair(), b: keyPair() }
      const { end, port } = await openInterface(place, name, `${place.tag}${slot}`, slot, keys)
      const pair = await EndPair.open(
        { a: { topology: null, side: 'a' }, b: { topology: null, side: 'b' } },
        (side) =>
          side === 'a'
            ? { kind: 'system', inner: inner.a, peer: inner.b }
            : {
                kind: 'netstack',
                inner: inner.b,
                peer: inner.a,
                privateKey: keys.b.privateKey,
                peerKey: keys.a.publicKey,
              },
        async (ports, { b }) => {
          await end.ask({ do: 'connect', host: HOST, port: ports.b })
          await b.ask({ do: 'connect', host: HOST, port })
        },
      )
      place.closers.push(() => pair.close())
      await until('a packet to come back', 20, async () => (await pair.ping({ count: 1, intervalMs: 1 })).length > 0)
      return {
        traffic: pair,
        // The kernel's data plane is in none of our processes.
        usage: () => (isOurs ? end.ask<Usage>({ do: 'usage' }) : Promise.resolve(null)),
        async handshake() {
          await end.ask({ do: 'handshake' })
          const [time] = await pair.ping({ count: 1, intervalMs: 1 })
          if (time === undefined) throw new Error('no packet came back')
          return time
        },
      }
    },
    async startOnce(place, tried) {
      const started = performance.now()
      const keys = { a: keyPair(), b: keyPair() }
      const { end } = await openInterface(place, name, tried, TRIAL_SLOT, keys)
      const readyMs = performance.now() - started
      await end.close()
      return readyMs
    },
  }
}

/** Side a, in a process of its own. It and its interface go when it is closed. */
async function openInterface(
  place: Place,
  adapter: string,
  name: string,
  slot: number,
  keys: { readonly a: KeyPair; readonly b: KeyPair },
): Promise<{ end: End; port: number }> {
  const inner = innerOf(slot)
  const { dlls } = place
  const end = new End({ topology: null, side: 'a' })
  place.closers.push(() => end.close())
  const network: InterfaceRequest = {
    ...{ kind: 'interface', adapter, name, dlls, inner: inner.a, peer: inner.b },
    ...{ privateKey: keys.a.privateKey, peerKey: keys.b.publicKey },
  }
  return { end, port: await end.ask<number>({ do: 'open', network }, OPENING_SECONDS) }
}

export const windowsContestants: readonly Contestant[] = [
  windowsAdapter('wgnt', "Windows' kernel, WireGuardNT", false),
  windowsAdapter('wintun', 'our data plane over Wintun', true),
]
