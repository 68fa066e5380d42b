/** A service is defined, and removed again. WinSW itself is not here. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { installService, removeService, serviceStatus } from '../../src/internal/service/service-command.js'

test('install writes a definition that names this node.exe, this program and the file; remove takes it away', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'wireweave-'))
  const name = `svc${process.pid}`.slice(0, 15)
  const file = path.join(folder, `${name}.conf`)
  const definition = `C:\\Program Files\\Wireweave\\services\\wireweave-${name}.xml`
  writeFileSync(file, '[Interface]\n')
  // Whoever can set a variable shall not say where LocalSystem's programs lie, or which sc.exe is run.
  for (const variable of ['ProgramFiles', 'SystemRoot']) process.env[variable] = folder
  try {
    expect(() => removeService(file)).toThrow('there is no service')
    expect(() => installService(file, { winsw: 'C:\\nowhere\\WinSW.exe' })).toThrow(
      'there is no C:\\nowhere\\WinSW.exe',
    )
    installService(file, { adapter: 'wgnt' })
    const text = readFileSync(definition, 'utf8')
    expect(text).toContain(`<executable>${process.execPath}</executable>`)
    expect(text).toMatch(/wireweave\.js&quot; up --foreground --adapter wgnt --no-hooks &quot;.*\.conf&quot;/)
    serviceStatus(file)
    removeService(file)
    expect(existsSync(definition)).toBe(false)
    expect(() => installService(`${file.slice(0, -5)}2.conf`, {})).toThrow('does not exist')
  } finally {
    rmSync(definition, { force: true })
    rmSync(folder, { recursive: true })
  }
})
