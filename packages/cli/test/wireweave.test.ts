import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, openSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { once } from 'node:events'
import { decodeKey } from '@wireweave/tunnel/keys'
import { beforeAll, describe, expect, test } from 'vitest'
import { buildPrograms, runProgram, startProgram } from './support/programs.js'
import { temporaryFolder } from './support/temporary-folder.js'

// The pair of RFC 7748 §6.1.
const PRIVATE = 'dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo='
const PUBLIC = 'hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo='

beforeAll(() => buildPrograms({ wireweave: 'src/bin/wireweave.ts' }))

/** Runs `wireweave` with standard output into a file of this mode; returns what it said on standard error. */
async function runIntoFile(args: string[], mode: number): Promise<{ stderr: string; file: string }> {
  const file = path.join(temporaryFolder(), 'key')
  const fd = openSync(file, 'w', mode)
  chmodSync(file, mode)
  const child = startProgram('wireweave', args, { stdio: ['ignore', fd, 'pipe'] })
  let stderr = ''
  child.stderr!.on('data', (chunk) => (stderr += String(chunk)))
  await once(child, 'close')
  closeSync(fd)
  return { stderr, file }
}

describe('wireweave', () => {
  test('genkey prints a clamped key on a line, a new one each time', async () => {
    const [one, two] = await Promise.all([runProgram('wireweave', ['genkey']), runProgram('wireweave', ['genkey'])])
    expect(one).toMatchObject({ code: 0, stderr: '' })
    const key = decodeKey(one.stdout.slice(0, -1))!
    expect([key[0]! & 7, key[31]! & 0xc0]).toEqual([0, 0x40])
    expect(one.stdout).not.toBe(two.stdout)
  })

  test('genpsk prints 32 bytes that are not clamped', async () => {
    const outputs = await Promise.all(Array.from({ length: 8 }, () => runProgram('wireweave', ['genpsk'])))
    const keys = outputs.map(({ stdout }) => decodeKey(stdout.slice(0, -1))!)
    expect(keys.some((key) => (key[0]! & 7) !== 0)).toBe(true)
  })

  test.each([PRIVATE, `${PRIVATE}\n`, `${PRIVATE}\r\n \n`])('pubkey prints the public key of %j', async (input) => {
    expect(await runProgram('wireweave', ['pubkey'], input)).toEqual({ code: 0, stdout: `${PUBLIC}\n`, stderr: '' })
  })

  test.each(['', PRIVATE.slice(1), `${PRIVATE}${PRIVATE}`, `${PRIVATE}x`, ` ${PRIVATE}`, 'x'.repeat(100_000)])(
    'pubkey refuses what is not one key, and does not repeat it',
    async (input) => {
      const { code, stdout, stderr } = await runProgram('wireweave', ['pubkey'], input)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr).toMatch(/^wireweave: standard input is not a private key/)
      expect(stderr).not.toContain(PRIVATE.slice(4, 12))
    },
  )

  test('warns when a secret key goes to a file that every user can read', async () => {
    const open = await runIntoFile(['genkey'], 0o644)
    expect(open.stderr).toContain('every user can read')
    expect(open.stderr).not.toContain(readFileSync(open.file, 'utf8').slice(0, 10))
    expect((await runIntoFile(['genpsk'], 0o606)).stderr).toContain('every user can read')
    expect((await runIntoFile(['genkey'], 0o600)).stderr).toBe('')
  })

  test('takes no key as an argument', async () => {
    expect((await runProgram('wireweave', ['pubkey', PRIVATE])).code).toBe(1)
  })

  test('--help says what there is, and --version which', async () => {
    const help = await runProgram('wireweave', ['--help'])
    expect(help.code).toBe(0)
    for (const word of ['genkey', 'genpsk', 'pubkey', 'wireweave-daemon', '--version'])
      expect(help.stdout).toContain(word)
    const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    expect((await runProgram('wireweave', ['--version'])).stdout).toBe(`${manifest.version}\n`)
  })

  test('an unknown command is an error that leads to the help', async () => {
    const { code, stderr } = await runProgram('wireweave', ['frobnicate'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^wireweave: unknown command 'frobnicate'\n+See wireweave --help\.\n$/)
    expect((await runProgram('wireweave', ['add-peer', 'wg0'])).stderr).toMatch(
      /'peer'\n+See wireweave add-peer --help\.\n$/,
    )
  })

  test('no message writes to the terminal instead of on it', async () => {
    for (const args of [['strip', '/no/\u001B]0;x\u0007/wg0.conf'], ['check', '/no/\u001B[2J.conf'], ['a\u009Bb']]) {
      const { code, stdout, stderr } = await runProgram('wireweave', args)
      expect(code).toBe(1)
      expect(stdout + stderr).toContain('?')
      expect(stdout + stderr).not.toMatch(/[^\P{Cc}\n]/u)
    }
  })

  test.runIf(hasWg())('agrees with wg on public keys', async () => {
    const { stdout } = await runProgram('wireweave', ['genkey'])
    const ours = await runProgram('wireweave', ['pubkey'], stdout)
    expect(ours.stdout).toBe(execFileSync('wg', ['pubkey'], { input: stdout, encoding: 'utf8' }))
  })
})

function hasWg(): boolean {
  try {
    execFileSync('wg', ['--version'])
    return true
  } catch {
    return false
  }
}
