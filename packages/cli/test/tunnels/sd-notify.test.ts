import path from 'node:path'
import { bind } from '@wireweave/ffi/library'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findNotifier } from '../../src/internal/tunnels/sd-notify.js'
import { temporaryFolder } from '../support/temporary-folder.js'

const AF_UNIX = 1
const SOCK_DGRAM_NONBLOCK = 2 | 0x800

/** What systemd's end of the socket got, one text for each datagram. */
function listenAt(name: string): () => string[] {
  const libc = bind(null, {
    socket: ['socket', 'int', ['int', 'int', 'int']],
    bind: ['bind', 'int', ['int', 'void *', 'uint']],
    recv: ['recv', 'long', ['int', 'void *', 'size_t', 'int']],
    close: ['close', 'int', ['int']],
  })
  const fd = libc.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK, 0)
  onTestFinished(() => void libc.close(fd))
  const address = Buffer.concat([Buffer.from([AF_UNIX, 0]), Buffer.from(name.replace('@', '\0'))])
  expect(libc.bind(fd, address, address.length)).toBe(0)
  return () => {
    const texts: string[] = []
    const buffer = Buffer.alloc(4096)
    for (let got = 0; (got = libc.recv(fd, buffer, buffer.length, 0)) > 0;) texts.push(buffer.toString('utf8', 0, got))
    return texts
  }
}

describe.runIf(process.platform === 'linux')('sd_notify', () => {
  test.each(['path', 'abstract'])('a manager that listens at a socket with a name of kind %s is told', (kind) => {
    const name = kind === 'path' ? path.join(temporaryFolder(), 'notify') : `@wireweave-${process.pid}-${Date.now()}`
    const received = listenAt(name)
    const notifier = findNotifier({ NOTIFY_SOCKET: name })!
    notifier.send('READY=1', 'STATUS=wg0 is up')
    notifier.reloading()
    notifier.send('STOPPING=1')
    const [ready, reloading, stopping, ...more] = received()
    expect([ready, stopping, more]).toEqual(['READY=1\nSTATUS=wg0 is up', 'STOPPING=1', []])
    expect(reloading).toMatch(/^RELOADING=1\nMONOTONIC_USEC=[0-9]+$/)
  })

  test('what is started from here does not inherit the socket', () => {
    const env: NodeJS.ProcessEnv = { NOTIFY_SOCKET: '/nowhere/notify', PATH: '/bin' }
    expect(findNotifier(env)).not.toBeNull()
    expect(env).toEqual({ PATH: '/bin' })
  })

  test('a manager that is not there is no failure', () => {
    findNotifier({ NOTIFY_SOCKET: path.join(temporaryFolder(), 'nobody') })!.send('READY=1')
  })

  test.each([undefined, '', 'vsock:2:1234', 'relative', `/${'x'.repeat(200)}`])('%j is no socket', (name) => {
    expect(findNotifier({ NOTIFY_SOCKET: name })).toBeNull()
  })
})
