/** Puts a tunnel together from an adapter: memory, engine, interface, sockets, clock. */
import { randomFillSync } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { selectSuite, selectTransportEngine } from '@wireweave/crypto/select'
import type { Suite } from '@wireweave/crypto/suite'
import { wasmTransportEngine } from '@wireweave/crypto/wasm'
import type { InterfaceOptions } from '@wireweave/tunnel/backend'
import { isWireGuardError, WireGuardError } from '@wireweave/tunnel/errors'
import type { PacketAdapter } from '@wireweave/tunnel/packets'
import { PacketArena } from '../core/arena.js'
import { Device, deviceArenaBytes } from '../core/device.js'
import type { UserspaceOptions } from '../userspace-backend.js'
import type { OpenBind } from './bind.js'
import { openDgramBind } from './bind-dgram.js'
import { openClock } from './clock.js'
import type { Parker } from './parker.js'
import { UserspaceTunnel } from './userspace-tunnel.js'

/** Datagrams of one step: enough for 64 KiB pieces in both directions, few enough to stay in the processor's cache. */
const BATCH_SIZE = 256
/** The arena is laid out before the adapter says how many packets it returns at once. Unused memory is only reserved. */
const MAX_BATCH_SIZE = 1024
/** Where sockets receive: 64 datagrams of any size. */
const RECEIVE_BYTES = 64 * 65536
const DEFAULT_MTU = 1420
const PADDING_BYTES = 1024
/** One processor stays with the device, one with whoever makes the packets; more than this has never been measured. */
const SPARED_PROCESSORS = 2
const MOST_SEALING_WORKERS = 3

let suite: Suite | null = null

/** Rejects with a `WireGuardError`, and leaves nothing behind. `parker` is for a thread that does nothing else. */
export async function openUserspaceTunnel(
  adapter: PacketAdapter,
  interfaceOptions: InterfaceOptions,
  options: UserspaceOptions,
  parker: Parker | null = null,
): Promise<UserspaceTunnel> {
  const { signal, mtu, onEvent } = interfaceOptions
  throwIfAborted(signal)
  const regionBytes = adapter.regionBytes(mtu ?? DEFAULT_MTU)
  const workers = sealingWorkers(options)
  const parallel = workers > 0 ? await import('@wireweave/crypto/parallel') : null
  const sealingBytes = parallel?.sealingBytes(workers) ?? 0
  const arena = new PacketArena(
    regionBytes + RECEIVE_BYTES + deviceArenaBytes(MAX_BATCH_SIZE) + sealingBytes + PADDING_BYTES,
    parallel !== null,
  )
  const single = options.engine?.create(arena.memory) ?? selectTransportEngine(arena.memory).engine
  const sealing = parallel?.parallelEngine({
    memory: arena.memory,
    offset: arena.take(sealingBytes).offset,
    workers,
    engine: single,
    always: options.sealingWorkers !== undefined,
  })
  const engine = sealing ?? single
  suite ??= selectSuite().suite
  const usedSuite = options.suite ?? suite
  const openBind = await chooseBind(options.bind ?? 'auto')
  const clock = options.clock ?? (await openClock())
  throwIfAborted(signal)

  const port = await adapter.openPackets({ ...interfaceOptions, arena, region: arena.take(regionBytes) })
  try {
    throwIfAborted(signal)
    const batchSize = Math.max(BATCH_SIZE, port.batchSize)
    if (batchSize > MAX_BATCH_SIZE)
      throw new RangeError(`adapter ${adapter.name} returns more than ${MAX_BATCH_SIZE} packets`)
    return new UserspaceTunnel({
      backend: adapter.name,
      port,
      clock,
      openBind,
      batchSize,
      parker,
      region: arena.take(RECEIVE_BYTES),
      ...(onEvent && { onEvent }),
      ...(sealing && { endSealing: () => sealing.close() }),
      createDevice: (hooks) =>
        new Device({
          suite: usedSuite,
          engine,
          arena,
          batchSize,
          mtu: port.mtu,
          random: (bytes) => void randomFillSync(bytes),
          unixTimeMs: () => Date.now(),
          ...hooks,
          ...(options.onHandshakeSecrets && { onHandshakeSecrets: options.onHandshakeSecrets }),
        }),
    })
  } catch (error) {
    await port.close()
    throw error
  }
}

function sealingWorkers({ sealingWorkers: wanted, engine }: UserspaceOptions): number {
  if (!wasmTransportEngine.isSupported()) return 0
  if (wanted !== undefined) return wanted
  if (engine !== undefined) return 0
  return Math.max(0, Math.min(MOST_SEALING_WORKERS, availableParallelism() - SPARED_PROCESSORS))
}

async function chooseBind(wanted: NonNullable<UserspaceOptions['bind']>): Promise<OpenBind> {
  if (typeof wanted === 'function') return wanted
  if (wanted === 'dgram') return openDgramBind
  const named = wanted === 'auto' ? (process.platform === 'win32' ? 'windows' : 'linux') : wanted
  try {
    const open = named === 'linux' ? await loadLinuxBind() : await loadWindowsBind()
    return wanted === 'auto' && named === 'windows' ? orDgram(open) : open
  } catch (error) {
    if (wanted === 'auto') return openDgramBind
    if (isWireGuardError(error)) throw error
    throw new WireGuardError('NOT_SUPPORTED', 'these sockets need koffi; install it or use `dgram`', { cause: error })
  }
}

async function loadLinuxBind(): Promise<OpenBind> {
  const { linuxBind, linuxBindWorksHere } = await import('./bind-linux.js')
  if (linuxBindWorksHere()) return linuxBind()
  throw new WireGuardError('NOT_SUPPORTED', 'these sockets need a 64-bit Linux; use `dgram`')
}

async function loadWindowsBind(): Promise<OpenBind> {
  const { windowsBind, windowsBindWorksHere } = await import('./bind-windows.js')
  if (windowsBindWorksHere()) return windowsBind()
  throw new WireGuardError('NOT_SUPPORTED', 'these sockets need a 64-bit Windows; use `dgram`')
}

/** Programs that hook Winsock break parts of it that Node does not use. */
function orDgram(open: OpenBind): OpenBind {
  return async (options) => {
    try {
      return await open(options)
    } catch (error) {
      const isAboutThePort =
        isWireGuardError(error) && (error.code === 'ADDRESS_IN_USE' || error.code === 'PERMISSION_DENIED')
      if (isAboutThePort) throw error
      return openDgramBind(options)
    }
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new WireGuardError('ABORTED', 'opening the tunnel was aborted', { cause: signal.reason })
}
