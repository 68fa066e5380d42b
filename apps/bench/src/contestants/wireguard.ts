/** What any WireGuard interface has in common here: `wg` and `ip` configure it, and it can be made to shake hands anew. */
import { command } from '../run/command.js'
import type { Side, Topology } from '../run/topology.js'
import { hostTraffic } from '../traffic/host-traffic.js'
import { innerOf } from './contestant.js'
import type { Carrier, Place, Usage } from './contestant.js'
import { topologyOf } from './contestant.js'

export const WG_REMEDY = 'apt-get install wireguard-tools'

/** Makes the interfaces of both sides with `make`, exchanges keys, gives addresses and waits until a ping comes back. */
export async function openWireGuardPair(
  place: Place,
  slot: number,
  make: (topology: Topology, side: Side, name: string) => Promise<void>,
  usage: () => Usage | null,
): Promise<Carrier> {
  const topology = topologyOf(place)
  const names = { a: `${topology.tag}${slot}a`, b: `${topology.tag}${slot}b` }
  const inner = innerOf(slot)
  const port = 52000 + slot
  const keys = { a: await keyPair(), b: await keyPair() }
  const otherOf = (side: Side): Side => (side === 'a' ? 'b' : 'a')
  const inside = (side: Side): string[] => ['netns', 'exec', topology.namespace[side]]
  const peerOf = (side: Side): string[] => {
    const other = otherOf(side)
    const peer = ['peer', keys[other].publicKey, 'endpoint', `${topology.underlay[other]}:${port}`]
    return [...peer, 'allowed-ips', `${inner[other]}/32`]
  }
  for (const side of ['a', 'b'] as const) {
    await make(topology, side, names[side])
    const device = ['set', names[side], 'listen-port', `${port}`, 'private-key', '/proc/self/fd/0']
    // `wg` opens it by name, which the socket that Node gives a child does not allow; a pipe from cat does.
    const wg = ['ip', ...inside(side), 'wg', ...device, ...peerOf(side)]
    await command('sh', ['-c', 'cat | "$@"', 'sh', ...wg], { input: keys[side].privateKey })
    const ip = ['-n', topology.namespace[side]]
    await command('ip', [...ip, 'address', 'add', `${inner[side]}/24`, 'dev', names[side]])
    await command('ip', [...ip, 'link', 'set', names[side], 'mtu', '1420', 'up'])
  }
  const traffic = hostTraffic(place, inner)
  await traffic.reach()
  return {
    traffic,
    usage: () => Promise.resolve(usage()),
    async handshake() {
      const wg = [...inside('a'), 'wg', 'set', names.a]
      await command('ip', [...wg, 'peer', keys.b.publicKey, 'remove'])
      await command('ip', [...wg, ...peerOf('a')])
      return traffic.firstPacket()
    },
  }
}

async function keyPair(): Promise<{ privateKey: string; publicKey: string }> {
  const privateKey = (await command('wg', ['genkey'])).stdout.trim()
  const publicKey = (await command('wg', ['pubkey'], { input: privateKey })).stdout.trim()
  return { privateKey, publicKey }
}
