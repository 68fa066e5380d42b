/** `npm start`: installs and builds on a fresh clone, then shows two devices talking, and a program that uses their tunnel. */
import { prepare } from './lib/prepare.mjs'

prepare()
const { demo } = await import('./demo/demo.mjs')
const abort = new AbortController()
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => abort.abort(new Error('interrupted')))
console.log()
try {
  await demo(abort.signal)
} catch (error) {
  console.error(`\n${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
