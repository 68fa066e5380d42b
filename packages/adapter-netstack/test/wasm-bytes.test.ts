import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

test('the WebAssembly in the sources is compiled from assembly/checksum.ts', { timeout: 300_000 }, () => {
  const script = fileURLToPath(new URL('../assembly/build.mjs', import.meta.url))
  expect(() => execFileSync(process.execPath, [script, '--check'], { stdio: 'pipe', timeout: 290_000 })).not.toThrow()
})
