import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildPrograms, programPath, runProgram, startProgram } from './support/programs.js'
import { temporaryFolder } from './support/temporary-folder.js'
import { ask } from './support/uapi-client.js'

const SECRET = 'e84b5a6d2717c1003a13b431570353dbaca9146cf150c5f8575680feba52027a'

beforeAll(() => buildPrograms({ 'daemon-program': 'test/support/daemon-program.ts' }))

function environment(folder: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env
  return { PATH, HOME, UAPI_FOLDER: path.join(folder, 'wireguard'), ...more }
}

async function eventually(what: string, condition: () => boolean): Promise<void> {
  for (let i = 0; i < 3000; i++) {
    if (condition()) return
    await sleep(20)
  }
  throw new Error(`did not happen within 10 s: ${what}`)
}

/** Ends a daemon as somebody does who knows no more of it than its socket. */
async function endDaemon(socket: string): Promise<void> {
  unlinkSync(socket)
  await eventually('the daemon is gone', () => !existsSync(socket))
}

describe('wireweave-daemon in the background', () => {
  test('returns when its socket accepts, and is gone when the socket is removed', async () => {
    const folder = temporaryFolder()
    const socket = path.join(folder, 'wireguard/wg0.sock')
    const result = await runProgram('daemon-program', ['wg0'], '', environment(folder))
    expect(result).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await ask(socket, 'set=1\nlisten_port=7\n\nget=1\n\n')).toBe('errno=0\n\nlisten_port=7\nerrno=0\n\n')
    const served = connect({ path: socket })
    await once(served, 'connect')
    unlinkSync(socket)
    await once(served.resume(), 'close')
    expect(readdirSync(path.dirname(socket))).toEqual([])
  })

  test('writes its log to where its starter does if LOG_LEVEL is set, and nowhere if not', async () => {
    for (const [level, expected] of [
      ['verbose', /DEBUG: \(wg0\) .* UAPI listener started/],
      ['silent', /^$/],
      ['', /^$/],
    ] as const) {
      const folder = temporaryFolder()
      const log = path.join(folder, 'log')
      const fd = openSync(log, 'a')
      const child = startProgram('daemon-program', ['wg0'], {
        stdio: ['ignore', fd, fd],
        env: environment(folder, { LOG_LEVEL: level }),
      })
      closeSync(fd)
      expect(await once(child, 'exit')).toEqual([0, null])
      const socket = path.join(folder, 'wireguard/wg0.sock')
      await ask(socket, `set=1\nprivate_key=${SECRET}\n\nset=1\nprivate_key=${SECRET}x\n\n`)
      await endDaemon(socket)
      const text = readFileSync(log, 'utf8')
      expect(text).toMatch(expected)
      expect(text).not.toContain(SECRET.slice(0, 10))
      expect(text).not.toContain(Buffer.from(SECRET, 'hex').toString('base64').slice(0, 10))
    }
  })

  test('says why it cannot start, and fails', async () => {
    const folder = temporaryFolder()
    const result = await runProgram(
      'daemon-program',
      ['wg0'],
      '',
      environment(folder, { FAIL: 'no /dev/net/tun: load the module' }),
    )
    expect(result).toEqual({ code: 1, stdout: '', stderr: 'wireweave-daemon: no /dev/net/tun: load the module\n' })
  })

  test.each([
    [{ WG_TUN_FD: '99' }, 'WG_TUN_FD names 99, which is not an open descriptor'],
    [{ WG_UAPI_FD: '99' }, 'WG_UAPI_FD names 99, which is not an open socket'],
    [{ WG_UAPI_FD: 'x' }, 'WG_UAPI_FD is not the number of a descriptor'],
  ])('says that a descriptor is not there: %o', async (env, message) => {
    for (const args of [['wg0'], ['-f', 'wg0']]) {
      const result = await runProgram('daemon-program', args, '', environment(temporaryFolder(), env))
      expect(result.code).toBe(1)
      expect(result.stderr).toContain(message)
    }
  })

  test('fails when its child dies without a word', async () => {
    const result = await runProgram('daemon-program', ['wg0'], '', environment(temporaryFolder(), { CRASH: '1' }))
    expect(result.code).toBe(1)
    expect(result.stderr).toContain('SIGKILL')
  })

  test('fails when the name is served already', async () => {
    const folder = temporaryFolder()
    await runProgram('daemon-program', ['wg0'], '', environment(folder))
    const second = await runProgram('daemon-program', ['wg0'], '', environment(folder))
    expect(second.code).toBe(1)
    expect(second.stderr).toContain('is served by another process')
    await endDaemon(path.join(folder, 'wireguard/wg0.sock'))
  })

  test('refuses a key log that others can read, and warns of any', async () => {
    const folder = temporaryFolder()
    const file = path.join(folder, 'keys')
    writeFileSync(file, '', { mode: 0o644 })
    const env = environment(folder, { WIREWEAVE_KEYLOG: file })
    const refused = await runProgram('daemon-program', ['wg0'], '', env)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain('chmod 600')
    unlinkSync(file)
    const accepted = await runProgram('daemon-program', ['wg0'], '', env)
    expect(accepted.code).toBe(0)
    expect(accepted.stderr).toMatch(/^WARNING: WIREWEAVE_KEYLOG is set: .*decrypt the traffic/)
    await endDaemon(path.join(folder, 'wireguard/wg0.sock'))
  })
})

describe('wireweave-daemon in the foreground', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends with 0 on %s and leaves nothing behind', async (signal) => {
    const folder = temporaryFolder()
    const socket = path.join(folder, 'wireguard/wg0.sock')
    const child = startProgram('daemon-program', ['-f', 'wg0'], { stdio: 'ignore', env: environment(folder) })
    await eventually('the socket is there', () => existsSync(socket))
    child.kill(signal)
    expect(await once(child, 'exit')).toEqual([0, null])
    expect(readdirSync(path.dirname(socket))).toEqual([])
  })

  test('serves a socket and passes on a TUN that were given to it', async () => {
    const folder = temporaryFolder()
    const run = path.join(folder, 'wireguard')
    const socket = path.join(run, 'wg0.sock')
    mkdirSync(run)
    const log = openSync(path.join(folder, 'log'), 'a+')
    // Through the background: both descriptors change hands twice. The giver dies without closing its socket.
    const giver = `
      import { spawnSync } from 'node:child_process'
      import { createServer } from 'node:net'
      const [program, socket] = process.argv.slice(1)
      const server = createServer().listen(socket, () => {
        const stdio = ['ignore', 1, 2, server._handle.fd, 1]
        const { status } = spawnSync(process.execPath, [program, 'wg0'], { stdio })
        process.kill(process.pid, status === 0 ? 'SIGKILL' : 'SIGTERM')
      })`
    const child = spawn(process.execPath, ['--input-type=module', '-e', giver, programPath('daemon-program'), socket], {
      stdio: ['ignore', log, log],
      env: environment(folder, { WG_UAPI_FD: '3', WG_TUN_FD: '4', LOG_LEVEL: 'verbose' }),
    })
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
    expect(await ask(socket, 'get=1\n\n')).toBe('errno=0\n\n')
    expect(readFileSync(path.join(folder, 'log'), 'utf8')).toContain('TUN descriptor 3')
    await endDaemon(socket)
    closeSync(log)
  })
})

describe('wireweave-daemon', () => {
  test('prints its version and its help on standard output', async () => {
    const version = await runProgram('daemon-program', ['--version'])
    expect(version.code).toBe(0)
    expect(version.stdout).toMatch(/^wireweave-daemon v\d+\.\d+\.\d+\n/)
    const help = await runProgram('daemon-program', ['--help'])
    expect(help.code).toBe(0)
    expect(help.stdout).toContain('WG_QUICK_USERSPACE_IMPLEMENTATION')
  })

  test('says how it is used when it is used in another way, and fails', async () => {
    const { code, stdout, stderr } = await runProgram('daemon-program', [])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^Usage: wireweave-daemon /)
  })
})
