/**
 * `node program.js RUN…`: runs `wireweave`, once for each argument, on a model of Windows. The program itself has no way to be
 * told of other DLLs than those that are installed and signed: its imports are led to the modules beside this one. Behind what a
 * run prints stands a line with its exit code.
 */
import { register } from 'node:module'
import { fileURLToPath } from 'node:url'
import { say } from '../../../src/internal/terminal.js'

/** What is so during a run; the arguments of this program are such, as JSON. */
export interface Run {
  readonly args: readonly string[]
  /** Name of the file to take for the DLLs, among the stand-ins. */
  readonly dll?: string
  readonly isChecked?: boolean
  readonly isPlainUser?: boolean
  /** Of the stand-ins for wintun.dll and wireguard.dll. */
  readonly rule?: string
  /** What Windows does once an interface is up: removes it, or leaves packets in its ring for a while, then removes it. */
  readonly then?: 'remove' | 'fill'
}

const beside = (file: string): string => new URL(file, import.meta.url).href
const led: Readonly<Record<string, string>> = {
  wireweave: beside('./wireweave.js'),
  '@wireweave/ffi/win32/elevation': beside('./elevation.js'),
}
const hooks = `
const led = ${JSON.stringify(led)}
export async function resolve(specifier, context, next) {
  const url = led[specifier]
  return url === undefined || context.parentURL === url ? next(specifier, context) : { url, shortCircuit: true }
}`
register(`data:text/javascript,${encodeURIComponent(hooks)}`)

const program = new URL('../../../src/bin/wireweave.js', import.meta.url)
const runs = process.argv.slice(2)
const { setRun, faults } = (await import(led['wireweave']!)) as { setRun(run: Run): void; faults(): number }
for (const [i, text] of runs.entries()) {
  const run = JSON.parse(text) as Run
  setRun(run)
  process.argv = [process.execPath, fileURLToPath(program), ...run.args]
  process.exitCode = 0
  program.search = `?${i}`
  await import(program.href)
  if (faults() > 0) say(`${faults()} faults`)
  say(`ended with ${process.exitCode}`)
}
process.exit(0)
