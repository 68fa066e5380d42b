/** The pipes of a running tunnel: Windows' wg.exe speaks with one, "down" with the other. */
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { systemDll } from '@wireweave/ffi/win32/system'
import { fromWide } from '@wireweave/ffi/win32/wide'
import { listInterfaces, openInterface } from 'wireweave'
import type { Tunnel } from '@wireweave/tunnel/backend'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import { expect, test } from 'vitest'
import { protectPipe } from '@wireweave/ffi/win32/pipe-security'
import { createLog } from '../../src/internal/log.js'
import { openProtectedPipe } from '../../src/internal/protected-pipe.js'
import { openUapiPipe } from '../../src/internal/uapi-pipe.js'
import { askDown, DownPipe } from '../../src/internal/tunnels/down-pipe.js'
import { UapiServer } from '../../src/internal/uapi-server.js'

const NAME = `pipe${process.pid}`
const PATH = `\\\\.\\pipe\\ProtectedPrefix\\Administrators\\WireGuard\\${NAME}`
const key = new Uint8Array(32).fill(8)

const tunnel = {
  snapshot: async () => ({ publicKey: key as PublicKey, listenPort: 51820, fwmark: null, peers: [] }),
  secrets: async () => ({ privateKey: key.slice() as PrivateKey, presharedKeys: [] }),
} as unknown as Tunnel

const kernel32 = systemDll('kernel32.dll', {
  createFile: [
    'CreateFileW',
    'int64_t',
    ['str16', 'uint32_t', 'uint32_t', 'uintptr_t', 'uint32_t', 'uint32_t', 'uintptr_t'],
  ],
  closeHandle: ['CloseHandle', 'int32_t', ['uintptr_t']],
  write: ['WriteFile', 'int32_t', ['uintptr_t', 'void *', 'uint32_t', 'void *', 'void *']],
  peek: ['PeekNamedPipe', 'int32_t', ['uintptr_t', 'void *', 'uint32_t', 'void *', 'void *', 'void *']],
}).call
const advapi32 = systemDll('advapi32.dll', {
  getSecurity: [
    'GetSecurityInfo',
    'uint32_t',
    ['uintptr_t', 'int', 'uint32_t', 'void *', 'void *', 'void *', 'void *', 'void *'],
  ],
  toText: [
    'ConvertSecurityDescriptorToStringSecurityDescriptorW',
    'int32_t',
    ['uintptr_t', 'uint32_t', 'uint32_t', 'void *', 'void *'],
  ],
}).call
const { copy } = systemDll('kernel32.dll', { copy: ['RtlMoveMemory', 'void', ['void *', 'uintptr_t', 'size_t']] }).call

/** As wg.exe looks at it before it sends a key: kind 6 is a file object, 1 the owner, 4 the list of rights. */
function descriptorText(): string {
  const handle = Number(kernel32.createFile(PATH, 0xc000_0000, 3, 0, 3, 0, 0))
  const [descriptor, at] = [new Uint8Array(8), new Uint8Array(8)]
  expect(advapi32.getSecurity(handle, 6, 5, null, null, null, null, descriptor)).toBe(0)
  expect(advapi32.toText(address(descriptor), 1, 5, at, null)).toBe(1)
  kernel32.closeHandle(handle)
  const bytes = new Uint8Array(400)
  copy(bytes, address(at), bytes.length)
  return fromWide(bytes)
}

function address(pointer: Uint8Array): number {
  return Number(new DataView(pointer.buffer).getBigUint64(0, true))
}

test('it answers, is owned by SYSTEM, and is for SYSTEM and Administrators only', async () => {
  const pipe = await openUapiPipe(NAME)
  const server = new UapiServer(pipe.server, { tunnel, log: createLog('silent', NAME, () => {}) })
  try {
    expect(pipe.isForWg).toBe(true)
    expect(descriptorText()).toMatch(/^O:SYD:P?\(A;;[^;]+;;;SY\)\(A;;[^;]+;;;BA\)$/)
    const socket = connect(PATH)
    socket.end('get=1\n\n')
    expect(await text(socket)).toContain(`private_key=${'08'.repeat(32)}\nlisten_port=51820\nerrno=0\n\n`)
    const running = await openInterface(NAME)
    expect(running.servedBy).toBe('process')
    expect(await running.read()).toMatchObject({ snapshot: { listenPort: 51820 }, secrets: { privateKey: key } })
  } finally {
    server.close()
    pipe.close()
  }
})

test('who comes before it is protected is sent away unheard, and nobody else', async () => {
  const request = new TextEncoder().encode('get=1\n\n')
  let early = 0
  const path = `${PATH}early`
  const { server, protection } = await openProtectedPipe(path, 'early', (made) => {
    early = Number(kernel32.createFile(made, 0xc000_0000, 3, 0, 3, 0, 0))
    expect(kernel32.write(early, request, request.length, new Uint8Array(4), null)).toBe(1)
    return protectPipe(made)
  })
  const served = new UapiServer(server, { tunnel, log: createLog('silent', NAME, () => {}) })
  try {
    expect(protection).toBe('complete')
    expect(early).toBeGreaterThan(0)
    const socket = connect(path)
    socket.end('get=1\n\n')
    expect(await text(socket)).toContain('errno=0\n\n')
    // The other end is gone, and nothing was said.
    expect(kernel32.peek(early, null, 0, null, new Uint8Array(4), null)).toBe(0)
  } finally {
    kernel32.closeHandle(early)
    served.close()
    server.close()
  }
})

test('a pipe that cannot be protected is not there', async () => {
  await expect(openProtectedPipe(`${PATH}open`, 'open', () => 5)).rejects.toMatchObject({
    ...{
      code: 'SYSTEM',
      message: 'the pipe of open cannot be closed to others (Windows error 5). Run as administrator.',
    },
  })
  await expect(text(connect(`${PATH}open`))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('down hears only what is a request, tells all who ask, and how it failed', async () => {
  const name = `${NAME}down`
  const pipe = await DownPipe.open(name)
  let isAsked = false
  void pipe.asked.then(() => (isAsked = true))
  for (const garbage of ['null\n', '{"down":{"hooks":1}}\n', 'x'.repeat(5000)]) {
    const socket = connect(`\\\\.\\pipe\\ProtectedPrefix\\Administrators\\Wireweave\\${name}`)
    socket.on('error', () => {}).write(garbage)
    await new Promise((resolve) => socket.once('close', resolve).resume())
  }
  expect(isAsked).toBe(false)
  const told = new Set<string>()
  const asking = [1, 2].map((who) => askDown(name, { hooks: false }, (line) => told.add(`${who}: ${line}`)))
  const ended = Promise.allSettled(asking)
  expect(await pipe.asked).toEqual({ hooks: false })
  // The second one may come a moment later.
  await expect.poll(() => (pipe.tell('a step'), told.size), { timeout: 60_000 }).toBe(2)
  await pipe.finish(new WireGuardError('PERMISSION_DENIED', 'it stays'))
  const refusal = {
    status: 'rejected',
    reason: expect.objectContaining({ code: 'PERMISSION_DENIED', message: 'it stays' }),
  }
  expect(await ended).toEqual([refusal, refusal])
  expect(await askDown(name, { hooks: true }, () => {})).toBe(false)
})

test('a name that nobody serves is NO_SUCH_INTERFACE, and Wine, which cannot list pipes, is told to say a name', async () => {
  await expect(openInterface('nobody')).rejects.toMatchObject({ code: 'NO_SUCH_INTERFACE' })
  await expect(listInterfaces()).rejects.toThrow(/^Unable to list interfaces: the pipes cannot be listed.*Say the name/)
})
