import { describe, expect, test } from 'vitest'
import { DAEMON_USAGE, parseDaemonArguments, parseDaemonEnvironment } from '../src/internal/daemon-arguments.js'

describe('the command line', () => {
  test.each([
    ['wg0', {}, { interfaceName: 'wg0', foreground: false }],
    ['-f wg0', {}, { interfaceName: 'wg0', foreground: true }],
    ['--foreground wg0', {}, { interfaceName: 'wg0', foreground: true }],
    ['wg0', { WG_PROCESS_FOREGROUND: '1' }, { interfaceName: 'wg0', foreground: true }],
    ['wg0', { WG_PROCESS_FOREGROUND: '0' }, { interfaceName: 'wg0', foreground: false }],
    ['wg%d', {}, { interfaceName: 'wg%d', foreground: false }],
  ])('%s with %o runs', (line, env, expected) => {
    expect(parseDaemonArguments(line.split(' '), env)).toEqual({ tag: 'run', ...expected })
  })

  test.each(['', '-f', '--foreground', 'wg0 wg1', '-x wg0', '-f wg0 wg1', '-f --version', 'wg0 -f', '--version wg0'])(
    '"%s" is invalid and says how it is used',
    (line) => {
      expect(parseDaemonArguments(line === '' ? [] : line.split(' '), {})).toMatchObject({
        tag: 'invalid',
        message: 'Usage: wireweave-daemon [-f|--foreground] INTERFACE',
      })
    },
  )

  test.each(['../wg0', 'wg/0', 'a'.repeat(16), '.', '..', 'wg 0', 'wg0\n', 'wg%s', '%d%d', 'wgé'])(
    'the interface name %j is invalid',
    (name) => {
      expect(parseDaemonArguments([name], {})).toMatchObject({ tag: 'invalid' })
    },
  )

  test('--version and --help ask for themselves', () => {
    expect(parseDaemonArguments(['--version'], {})).toEqual({ tag: 'version' })
    expect(parseDaemonArguments(['--help'], {})).toEqual({ tag: 'help' })
    expect(parseDaemonArguments(['-h'], {})).toEqual({ tag: 'help' })
  })

  test('the help fits a terminal', () => {
    for (const line of DAEMON_USAGE.split('\n')) expect(line.length).toBeLessThanOrEqual(110)
  })
})

describe('the environment', () => {
  test('is empty by default', () => {
    expect(parseDaemonEnvironment({})).toEqual({
      logLevel: 'error',
      logWanted: false,
      tunFd: null,
      uapiFd: null,
      keyLog: null,
      adapter: 'auto',
      offloads: true,
      sockets: 'auto',
      sealingWorkers: null,
    })
  })

  test('names descriptors, a level and a key log', () => {
    expect(
      parseDaemonEnvironment({ LOG_LEVEL: 'debug', WG_TUN_FD: '3', WG_UAPI_FD: '4', WIREWEAVE_KEYLOG: 'keys' }),
    ).toMatchObject({
      logLevel: 'verbose',
      logWanted: true,
      tunFd: 3,
      uapiFd: 4,
      keyLog: 'keys',
    })
    expect(parseDaemonEnvironment({ WIREWEAVE_OFFLOADS: 'off', WIREWEAVE_SOCKETS: 'dgram' })).toMatchObject({
      offloads: false,
      sockets: 'dgram',
    })
    expect(parseDaemonEnvironment({ WIREWEAVE_SEALING_WORKERS: '2' })).toMatchObject({ sealingWorkers: 2 })
  })

  test('asks for no log of a process in the background when silent', () => {
    expect(parseDaemonEnvironment({ LOG_LEVEL: 'silent' })).toMatchObject({ logLevel: 'silent', logWanted: false })
  })

  test('refuses a choice that there is not', () => {
    expect(() => parseDaemonEnvironment({ WIREWEAVE_OFFLOADS: 'no' })).toThrow('WIREWEAVE_OFFLOADS is none of: on, off')
    for (const text of ['-1', '9', '1.5', 'many'])
      expect(() => parseDaemonEnvironment({ WIREWEAVE_SEALING_WORKERS: text })).toThrow('from 0 to 8')
  })

  test.each(['-1', 'x', '3x', ' 3', '99999999'])('refuses the descriptor %j', (fd) => {
    expect(() => parseDaemonEnvironment({ WG_TUN_FD: fd })).toThrow(/WG_TUN_FD is not the number of a descriptor/)
  })
})
