import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { withFileLocked } from '@wireweave/host-net/linux/file-lock'
import { expect, test } from 'vitest'
import { save } from '../src/save.js'

test.skipIf(process.platform !== 'linux')('save waits for whoever is changing the file', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-save-'))
  try {
    const config = path.join(folder, 'wwsave.conf')
    writeFileSync(config, '[Interface]\n', { mode: 0o600 })
    let release: () => void = () => {}
    const change = withFileLocked(config, () => new Promise<void>((resolve) => (release = resolve)))
    const seen: string[] = []
    // There is no such interface, which it finds out once it is its turn.
    const saving = save({ config }).catch((error: { code: string }) => seen.push(error.code))
    await sleep(200)
    expect(seen).toEqual([])
    release()
    await change
    await saving
    expect(seen).toEqual(['NO_SUCH_INTERFACE'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
