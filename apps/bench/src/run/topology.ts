/** Two network namespaces with a veth pair between them, and a guardian that removes them whatever happens to us. */
import { existsSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { whereIs } from '../contestants/processes.js'
import { command } from './command.js'
import { Guardian } from './guardian.js'

export type Side = 'a' | 'b'

export interface Topology extends AsyncDisposable {
  /** Name of the namespace of a side. */
  readonly namespace: Readonly<Record<Side, string>>
  /** Address of a side on the wire between the two. */
  readonly underlay: Readonly<Record<Side, string>>
  /** Every interface this run makes has a name that begins with it. */
  readonly tag: string
  /** For certificates and the like; only we may read it, and it goes with the namespaces. */
  readonly folder: string
  /** Runs a command inside a side's namespace. */
  inside(side: Side, file: string, args: readonly string[], seconds?: number): ReturnType<typeof command>
  /** What has arrived at side b so far, by the wire. */
  wireBytes(): Promise<number>
  /** Removes both namespaces and ends every process in them. */
  close(): Promise<void>
}

/** Where `wg` looks for the sockets of user-space devices, in whichever namespace the device is. */
export const UAPI_FOLDER = '/var/run/wireguard'

/** `tag` may have up to 8 letters and digits: interface names have 15. */
export async function openTopology(tag: string): Promise<Topology> {
  const namespace = { a: `${tag}a`, b: `${tag}b` }
  const underlay = { a: '10.254.0.1', b: '10.254.0.2' }
  if (whereIs('ip') === null) throw new Error('ip is not here: apt-get install iproute2')
  await refuseTaken(tag, Object.values(namespace))
  const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-bench-'))
  const guardian = new Guardian(Object.values(namespace), `${UAPI_FOLDER}/${tag}`, folder)
  const close = (): Promise<void> => guardian.end()
  try {
    for (const side of ['a', 'b'] as const) await command('ip', ['netns', 'add', namespace[side]])
    const pair = ['link', 'add', 'wire0', 'netns', namespace.a, 'type', 'veth', 'peer', 'name', 'wire0']
    await command('ip', [...pair, 'netns', namespace.b])
    for (const side of ['a', 'b'] as const) {
      await command('ip', ['-n', namespace[side], 'address', 'add', `${underlay[side]}/24`, 'dev', 'wire0'])
      for (const link of ['lo', 'wire0']) await command('ip', ['-n', namespace[side], 'link', 'set', link, 'up'])
    }
  } catch (error) {
    await close()
    if (!/not permitted/i.test(String(error))) throw error
    throw new Error('network namespaces are not permitted here: a container needs --privileged', { cause: error })
  }
  return {
    namespace,
    underlay,
    tag,
    folder,
    inside: (side, file, args, seconds = 20) =>
      command('ip', ['netns', 'exec', namespace[side], file, ...args], { seconds }),
    async wireBytes() {
      const { stdout } = await command('ip', ['-n', namespace.b, '-j', '-s', 'link', 'show', 'wire0'])
      return (JSON.parse(stdout) as [{ stats64: { rx: { bytes: number } } }])[0].stats64.rx.bytes
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Before the guardian exists: it would remove what is somebody else's. */
async function refuseTaken(tag: string, namespaces: readonly string[]): Promise<void> {
  const { stdout } = await command('ip', ['netns', 'list'])
  const present = new Set(stdout.split('\n').map((line) => line.split(' ')[0]!))
  const taken = namespaces.find((name) => present.has(name))
  if (taken !== undefined) {
    throw new Error(
      `the network namespace ${taken} exists already. Choose other names with --tag, or, if nobody uses it, remove it: ip netns delete ${taken}`,
    )
  }
  const sockets = existsSync(UAPI_FOLDER) ? readdirSync(UAPI_FOLDER) : []
  const socket = sockets.find((name) => name.startsWith(tag))
  if (socket !== undefined) {
    throw new Error(
      `${UAPI_FOLDER}/${socket} exists already. Choose other names with --tag, or, if nobody uses it, remove it`,
    )
  }
}
