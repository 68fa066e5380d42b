import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { keyLogLines, keyLogWarning, openKeyLog } from '../src/internal/key-log.js'
import { temporaryFolder } from './support/temporary-folder.js'

const keys = {
  localStaticPrivateKey: new Uint8Array(32).fill(1),
  remoteStaticPublicKey: new Uint8Array(32).fill(2),
  localEphemeralPrivateKey: new Uint8Array(32).fill(3),
  presharedKey: new Uint8Array(32),
}
const base64 = (byte: number): string => Buffer.alloc(32, byte).toString('base64')

test('each handshake is the lines that Wireshark reads, without a preshared key that is none', () => {
  const lines =
    `LOCAL_STATIC_PRIVATE_KEY = ${base64(1)}\nREMOTE_STATIC_PUBLIC_KEY = ${base64(2)}\n` +
    `LOCAL_EPHEMERAL_PRIVATE_KEY = ${base64(3)}\n`
  expect(keyLogLines(keys)).toBe(lines)
  expect(keyLogLines({ ...keys, presharedKey: new Uint8Array(32).fill(4) })).toBe(
    `${lines}PRESHARED_KEY = ${base64(4)}\n`,
  )
})

test('the file is for its owner alone, and is appended to', () => {
  const file = path.join(temporaryFolder(), 'keys')
  for (let i = 0; i < 2; i++) {
    const keyLog = openKeyLog(file)
    keyLog.write(keys)
    keyLog.close()
  }
  expect(lstatSync(file).mode & 0o777).toBe(0o600)
  expect(readFileSync(file, 'utf8')).toBe(keyLogLines(keys).repeat(2))
})

test('keys go to no symbolic link, no file that others can read, no pipe, and no folder', () => {
  const folder = temporaryFolder()
  const at = (name: string): string => path.join(folder, name)
  writeFileSync(at('target'), '', { mode: 0o600 })
  symlinkSync(at('target'), at('link'))
  expect(() => openKeyLog(at('link'))).toThrow(/symbolic link/)
  writeFileSync(at('open'), '')
  chmodSync(at('open'), 0o640)
  expect(() => openKeyLog(at('open'))).toThrow(/chmod 600/)
  execFileSync('mkfifo', [at('pipe')])
  expect(() => openKeyLog(at('pipe'))).toThrow(/will not write keys/)
  expect(() => openKeyLog(folder)).toThrow(/will not write keys/)
  expect(readFileSync(at('target'), 'utf8')).toBe('')
})

test('keys go to no file that another user laid out, and into no other file that has a second name there', () => {
  const folder = temporaryFolder()
  const at = (name: string): string => path.join(folder, name)
  writeFileSync(at('target'), '', { mode: 0o600 })
  linkSync(at('target'), at('link'))
  expect(() => openKeyLog(at('link'))).toThrow(/another name/)
  if (process.getuid?.() !== 0) return
  writeFileSync(at('foreign'), '', { mode: 0o600 })
  chownSync(at('foreign'), 65534, 65534)
  expect(() => openKeyLog(at('foreign'))).toThrow(/belongs to another user/)
})

test('a handshake goes on when its keys cannot be written', () => {
  const keyLog = openKeyLog(path.join(temporaryFolder(), 'keys'))
  keyLog.close()
  expect(() => keyLog.write(keys)).not.toThrow()
})

test('a line that a full disk cut short does not swallow the next one', ({ skip }) => {
  const folder = temporaryFolder()
  const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8k,mode=0700', 'none', folder])
  if (mount.status !== 0) skip('mounting takes CAP_SYS_ADMIN')
  try {
    const file = path.join(folder, 'keys')
    const padding = `${'#'.repeat(3999)}\n`
    writeFileSync(file, padding, { mode: 0o600 })
    writeFileSync(path.join(folder, 'fill'), Buffer.alloc(4096))
    const keyLog = openKeyLog(file)
    keyLog.write(keys)
    keyLog.write(keys)
    unlinkSync(path.join(folder, 'fill'))
    keyLog.write(keys)
    keyLog.close()
    const cut = keyLogLines(keys).slice(0, 96)
    expect(readFileSync(file, 'utf8')).toBe(`${padding}${cut}\n${keyLogLines(keys)}`)
  } finally {
    execFileSync('umount', [folder])
  }
})

test('the warning names the file and the danger', () => {
  expect(keyLogWarning('/root/keys')).toMatch(/every session go to \/root\/keys\. .*decrypt/)
})
