/** The stand-ins for wireguard.dll and iphlpapi.dll as a test sees them. */
import path from 'node:path'
import { loadDll } from '@wireweave/ffi/win32/library'
import type { TunnelBackend } from '@wireweave/tunnel/backend'
import { wgntBackend } from '../../src/backend.js'
import { wgntLibrary } from '../../src/library.js'
import type { WgntOptions } from '../../src/library.js'

const native = process.env['WIREWEAVE_NATIVE']!

const WIREGUARD: string = path.win32.join(native, 'wireguard-double.dll')
export const IPHLPAPI: string = path.win32.join(native, 'iphlp-double.dll')
export const WRONG_ARCHITECTURE: string = path.win32.join(native, 'wrong-architecture.dll')
export const OPTIONS: WgntOptions = { library: WIREGUARD, trust: 'unverified', iphlpapi: IPHLPAPI }

const common = {
  violations: ['DblViolations', 'uint32_t', []],
  violationText: ['DblViolationText', 'void', ['uint32_t', 'void *', 'uint32_t']],
  rule: ['DblRule', 'void', ['str']],
  reset: ['DblReset', 'void', []],
  live: ['DblLive', 'uint32_t', []],
  calls: ['DblCalls', 'uint32_t', []],
} as const

const wireguard = loadDll(WIREGUARD, 'unverified', common, {})
const iphlp = loadDll(IPHLPAPI, 'unverified', common, {})
const model = loadDll(
  WIREGUARD,
  'unverified',
  {
    kill: ['DblKill', 'int32_t', ['str16']],
    isUp: ['DblIsUp', 'int32_t', ['str16']],
    adapters: ['DblAdapters', 'uint32_t', []],
    traffic: ['DblTraffic', 'int32_t', ['str16', 'uint32_t', 'uint64_t', 'uint64_t', 'uint64_t']],
  },
  {},
).call

export const kill = (name: string): boolean => model.kill(name) !== 0
/** `null` when there is no such adapter. */
export const isUp = (name: string): boolean | null => (model.isUp(name) < 0 ? null : model.isUp(name) === 1)
export const adapterCount = (): number => model.adapters()
export const handleCount = (): number => wireguard.call.live()
export const traffic = (name: string, rx: bigint, tx: bigint, fileTime: bigint): void =>
  void model.traffic(name, 0, rx, tx, fileTime)

export function rule(text: string): void {
  wireguard.call.rule(text)
}

export function networkRule(text: string): void {
  iphlp.call.rule(text)
}

export function reset(): void {
  wireguard.call.reset()
  iphlp.call.reset()
}

export function violations(): string[] {
  return [wireguard, iphlp].flatMap(({ call }) =>
    Array.from({ length: call.violations() }, (_, i) => {
      const text = new Uint8Array(256)
      call.violationText(i, text, text.length)
      return new TextDecoder().decode(text.subarray(0, text.indexOf(0)))
    }),
  )
}

export function backend(): TunnelBackend {
  return wgntBackend(OPTIONS)
}

/** The last lines that the library logged. */
export function logged(): string[] {
  return wgntLibrary(OPTIONS).logger.lines.map(({ message }) => message)
}

let names = 0

export function freshName(): string {
  return `wgnt${names++}`
}
