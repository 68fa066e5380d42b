/** `wireweave adapters`: which of them work here, and what the others lack. */
import { registry } from 'wireweave'
import type { Availability, TunnelBackend } from '@wireweave/tunnel/backend'
import { columnsOf, print, styleOf, table } from '../terminal.js'
import { VERSION } from '../version.js'

interface Row {
  readonly name: string
  readonly dataPlane: 'kernel' | 'userspace'
  /** `process`: only the program that opens it can use the interface. */
  readonly reach: 'host' | 'process'
  readonly available: boolean
  readonly version: string | null
  readonly reason: string | null
  readonly remedy: string | null
  /** Whether `auto` takes it. */
  readonly isDefault: boolean
}

export async function adaptersCommand({ json }: { readonly json?: boolean }): Promise<void> {
  const rows = await readAdapters(await registry())
  if (json === true) print(`${JSON.stringify(rows, null, 2)}\n`)
  else print(describeAdapters(rows, columnsOf()))
}

export async function readAdapters(backends: readonly TunnelBackend[]): Promise<Row[]> {
  const found = await Promise.all(backends.map(probe))
  const first = backends.findIndex(({ reach }, i) => reach === 'host' && found[i]!.available)
  return backends.map(({ name, dataPlane, reach }, i) => {
    const state = found[i]!
    const own = dataPlane === 'userspace' ? VERSION : null
    return {
      ...{ name, dataPlane, reach, available: state.available, isDefault: i === first },
      ...(state.available
        ? { version: state.version ?? own, reason: null, remedy: null }
        : { version: null, reason: state.reason, remedy: state.remedy }),
    }
  })
}

async function probe(backend: TunnelBackend): Promise<Availability> {
  try {
    return await backend.probe()
  } catch (error) {
    const reason = `its probe failed: ${error instanceof Error ? error.message : String(error)}`
    return { available: false, reason, remedy: 'Please report this.' }
  }
}

export function describeAdapters(rows: readonly Row[], width: number): string {
  const { bold, dim, green, red } = styleOf(1)
  const head = ['ADAPTER', 'DATA PLANE', 'FOR', 'HERE', 'VERSION', ''].map((text) => bold(text))
  const body = rows.map(({ name, dataPlane, reach, available, version, reason, remedy, isDefault }) => [
    name,
    dataPlane === 'kernel' ? 'kernel' : 'user space',
    reach === 'host' ? 'all programs' : 'this program',
    available ? green('yes') : red('no'),
    version ?? '-',
    available ? (isDefault ? dim('auto takes this one') : '') : `${reason}. ${remedy}`,
  ])
  return table([head, ...body], width)
}
