/** Makes an adapter and starts its session; what was made is unmade when a later step fails. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DllLogLine } from '@wireweave/ffi/win32/dll-logger'
import { WireGuardError } from '@wireweave/tunnel/errors'
import type { Wintun } from './abi.js'
import { createFailure, startFailure } from './failure.js'
import type { IpHelper, IpInterface } from './ip-interface.js'

export interface OpenAdapter {
  readonly name: string
  readonly guid: Uint8Array
  /** `NET_LUID`. */
  readonly luid: bigint
  readonly adapter: number
  readonly session: number
  readonly ip: IpInterface
}

export interface CreateOptions {
  readonly name: string
  readonly guid: Uint8Array
  readonly tunnelType: string
  readonly ringBytes: number
  readonly mtu: number
  /** How often creation is tried, and the pause after a failure that may pass. */
  readonly attempts: number
  readonly pauseMs: number
  readonly signal: AbortSignal | undefined
}

export async function createAdapter(wintun: Wintun, helper: IpHelper, options: CreateOptions): Promise<OpenAdapter> {
  const { name, guid } = options
  const lines: DllLogLine[] = []
  wintun.logger.attach()
  const stopListening = wintun.logger.listen((line) => lines.push(line))
  try {
    await refuseTakenName(wintun, helper, name)
    lines.length = 0
    const adapter = await create(wintun, options, lines)
    try {
      throwIfAborted(options.signal)
      const memory = new Uint8Array(8)
      wintun.call.luid(adapter, memory)
      const luid = new DataView(memory.buffer).getBigUint64(0, true)
      const ip = helper.interfaceOf(luid)
      await ip.setMtu(options.mtu)
      throwIfAborted(options.signal)
      const { result: session, lastError } = await wintun.slow.start(adapter, options.ringBytes)
      if (session === 0) throw startFailure(name, lastError, lines)
      return { name, guid, luid, adapter, session, ip }
    } catch (error) {
      await wintun.slow.close(adapter)
      throw error
    }
  } finally {
    stopListening()
  }
}

/** Creating would rename another interface of this name, or share its adapter with another program. */
async function refuseTakenName(wintun: Wintun, helper: IpHelper, name: string): Promise<void> {
  const { result: other } = await wintun.slow.open(name)
  if (other !== 0) await wintun.slow.close(other)
  if (other === 0 && !helper.isNameTaken(name)) return
  const remedy = 'close the program that has it, or choose another name'
  throw new WireGuardError('NAME_IN_USE', `there is an interface ${name} already: ${remedy}`)
}

async function create(wintun: Wintun, options: CreateOptions, lines: readonly DllLogLine[]): Promise<number> {
  const { name, guid, tunnelType, attempts, pauseMs, signal } = options
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(signal)
    const { result: adapter, lastError } = await wintun.slow.create(name, tunnelType, guid)
    if (adapter !== 0) return adapter
    const error = createFailure(name, lastError, lines)
    if (!error.recoverable || attempt === attempts) throw error
    await sleep(pauseMs, undefined, signal && { signal }).catch(() => undefined)
  }
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted()
}

export function aborted(): WireGuardError {
  return new WireGuardError('ABORTED', 'given up, as the signal said', { recoverable: true })
}
