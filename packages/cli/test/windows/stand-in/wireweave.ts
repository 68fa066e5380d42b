/** The package with the stand-ins for wintun.dll, wireguard.dll and iphlpapi.dll. */
import path from 'node:path'
import { bind } from '@wireweave/ffi/library'
import * as real from 'wireweave'
import type { InterfacesOptions, RegistryOptions, RunningInterface, UpOptions, UpTunnel } from 'wireweave'
import type { Run } from './program.js'
import { run } from './run.js'

export * from 'wireweave'

const WINTUN = 'wintun-double.dll'
const WIREGUARD = 'wireguard-double.dll'

const native = (file: string): string => path.win32.join(process.env['WIREWEAVE_NATIVE']!, file)
const iphlpapi = native('iphlp-double.dll')

const rules = {
  rule: ['DblRule', 'void', ['str']],
  reset: ['DblReset', 'void', []],
  violations: ['DblViolations', 'uint32_t', []],
  live: ['DblLive', 'uint32_t', []],
} as const
const wintun = bind(native(WINTUN), {
  ...rules,
  inject: ['DblInject', 'int', ['void *', 'uint32_t', 'int']],
  hold: ['DblHold', 'void', ['int']],
  poison: ['DblPoison', 'void', []],
})
const wireguard = bind(native(WIREGUARD), { ...rules, kill: ['DblKill', 'int32_t', ['str16']] })

export function setRun(next: Run): void {
  run.now = next
  for (const double of [wintun, wireguard]) {
    double.reset()
    if (next.rule !== undefined) double.rule(next.rule)
  }
}

/** What the DLLs were made to do wrong, and handles that are left. */
export function faults(): number {
  return [wintun, wireguard].reduce((sum, { violations, live }) => sum + violations() + live(), 0)
}

function options(): RegistryOptions {
  const { dll, isChecked = false } = run.now
  return {
    wgnt: { library: native(dll ?? WIREGUARD), iphlpapi, ...(!isChecked && { trust: 'unverified' }) },
    wintun: {
      ...{ dll: native(dll ?? WINTUN), allowUnsigned: !isChecked, ipHelper: iphlpapi },
      ...{ ringBytes: 0x2_0000, pauseMs: 10 },
    },
  }
}

export function registry(): ReturnType<typeof real.registry> {
  return real.registry(options())
}

export function openInterface(name: string, more: InterfacesOptions = {}): Promise<RunningInterface> {
  return real.openInterface(name, { ...more, wgnt: options().wgnt! })
}

export async function up(wanted: UpOptions): Promise<UpTunnel> {
  let hear = (_message: string): void => {}
  const onEvent: UpOptions['onEvent'] = (event) => {
    wanted.onEvent?.(event)
    if (event.tag === 'log') hear(event.message)
  }
  const tunnel = await real.up({ ...wanted, ...options(), onEvent })
  const { then } = run.now
  if (then === 'remove') setTimeout(() => remove(tunnel), 100)
  else if (then === 'fill') hear = fill(tunnel)
  return tunnel
}

/** As the device manager does. */
function remove({ name, tunnel }: UpTunnel): void {
  if (tunnel.backend === 'wintun') wintun.poison()
  else wireguard.kill(name)
}

/**
 * Windows leaves in its ring what comes, which are our answers to packets that have no way, until the ring is said to be
 * full; and is removed once it is said not to be. Returns who is to hear that.
 */
function fill(tunnel: UpTunnel): (message: string) => void {
  const packet = new Uint8Array(1280)
  packet.set([0x60, 0, 0, 0, 0x04, 0xd8, 59, 64])
  packet.set([0xfd, 7, ...new Uint8Array(13), 2, 0xfd, 8, ...new Uint8Array(13), 1], 8)
  wintun.hold(1)
  const timer = setInterval(() => wintun.inject(packet, packet.length, 1), 10)
  return (message) => {
    if (message.includes('its ring is full')) {
      clearInterval(timer)
      wintun.hold(0)
    } else if (message.includes('takes packets again')) {
      remove(tunnel)
    }
  }
}
