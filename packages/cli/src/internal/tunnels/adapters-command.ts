/** `wireweave adapters`: which of them work here, and what the others lack. */
import { registry } from 'wireweave'
import type { Availability, TunnelBackend } from '@wireweave/tunnel/backend'
import { columnsOf, print, styleOf, table, wrap } from '../terminal.js'
import type { Style } from '../terminal.js'
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

const INDENT = '    '

export async function adaptersCommand({ json }: { readonly json?: boolean }): Promise<void> {
  const rows = await readAdapters(await registry())
  if (json === true) print(`${JSON.stringify(rows, null, 2)}\n`)
  else print(describeAdapters(rows, columnsOf(), styleOf(1)))
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

/** A line for each and, below it, what it lacks. */
export function describeAdapters(rows: readonly Row[], width: number, style: Style): string {
  const { bold, dim, green, red } = style
  const head = ['ADAPTER', 'WORKS HERE', 'DATA PLANE', 'FOR', 'VERSION'].map((text) => bold(text))
  const body = rows.map(({ name, dataPlane, reach, available, version, isDefault }) => [
    name,
    available ? green(isDefault ? 'yes, default' : 'yes') : red('no'),
    dataPlane === 'kernel' ? 'kernel' : 'user space',
    reach === 'host' ? 'all programs' : 'this program',
    version ?? '-',
  ])
  const [first, ...lines] = table([head, ...body], Number.POSITIVE_INFINITY).split('\n')
  const notes = rows.map(({ available, reason, remedy }) => {
    const text = available ? [] : wrap(`${reason}. ${remedy}`, width - INDENT.length)
    return text.map((line) => `${INDENT}${dim(line)}\n`).join('')
  })
  return `${first}\n${rows.map((_, i) => `${lines[i]}\n${notes[i]}`).join('')}`
}
