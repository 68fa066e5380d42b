import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const unit = new URL('../../systemd/wireweave@.service', import.meta.url).pathname

function settings(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const line of readFileSync(unit, 'utf8').split('\n')) {
    const [, key, value] = /^([A-Za-z]+)=(.*)$/.exec(line) ?? []
    if (key !== undefined) found.set(key, [...(found.get(key) ?? []), value!])
  }
  return found
}

test('the unit waits until the interface works, reloads, and asks for names as long as it takes', () => {
  const found = settings()
  expect(found.get('Type')).toEqual(['notify'])
  expect(found.get('ExecStart')).toEqual(['/usr/bin/env wireweave up --foreground %i'])
  expect(found.get('ExecReload')?.at(-1)).toBe('/bin/kill -HUP $MAINPID')
  expect(found.get('Environment')).toContain('WG_ENDPOINT_RESOLUTION_RETRIES=infinity')
})

test('the unit leaves what is needed: compiled JavaScript, the TUN device, sysctl, and who cleans up at the end', () => {
  const found = settings()
  for (const key of ['MemoryDenyWriteExecute', 'PrivateDevices', 'ProtectKernelTunables', 'PrivateNetwork']) {
    expect(found.has(key), key).toBe(false)
  }
  expect(found.get('DeviceAllow')).toEqual(['/dev/net/tun rw'])
  expect(found.get('CapabilityBoundingSet')?.[0]).toContain('CAP_NET_ADMIN')
  // SIGTERM to the main process alone: the guard must outlive it.
  expect(found.get('KillMode')).toEqual(['mixed'])
})

test.runIf(hasAnalyze())('systemd-analyze has nothing to say about it', () => {
  const output = execFileSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8', stdio: 'pipe' })
  expect(output).toBe('')
})

function hasAnalyze(): boolean {
  try {
    execFileSync('systemd-analyze', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
