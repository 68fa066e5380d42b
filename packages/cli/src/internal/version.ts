import { readFileSync } from 'node:fs'

interface Manifest {
  readonly version: string
}

/** Of this package, from its manifest two folders up, in the sources as well as in `dist`. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as Manifest
).version
