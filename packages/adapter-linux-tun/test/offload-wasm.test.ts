import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
// @ts-expect-error: a build script, without types
import { generate } from '../scripts/build-wasm.mjs'

it('the compiled module in the sources is that of assembly/offload.ts', { timeout: 60_000 }, () => {
  const committed = readFileSync(new URL('../src/internal/offload-wasm.ts', import.meta.url), 'utf8')
  // The formatter may break lines as it likes.
  expect(strings(committed)).toEqual(strings((generate as () => string)()))
})

function strings(source: string): string[] {
  return [...source.matchAll(/'([A-Za-z0-9+/=]+)'/g)].map((match) => match[1]!)
}
