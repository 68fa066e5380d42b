/** A WireGuard device and a TCP/IP stack, driven by a WebSocket and one alarm: everything that is not a browser's is pure. */
import {
  type Connection,
  type ConnectionHandler,
  type NetworkErrorCode,
  Stack,
} from '@wireweave/adapter-netstack/stack'
import type { Conf } from '@wireweave/config/conf-types'
import { setUpdate } from '@wireweave/config/conf-update'
import { selectSuite, selectTransportEngine } from '@wireweave/crypto/select'
import { PacketArena } from '@wireweave/device/core/arena'
import { DatagramBatch } from '@wireweave/device/core/datagrams'
import { Device, deviceArenaBytes } from '@wireweave/device/core/device'
import { writeEndpoint } from '@wireweave/device/core/endpoint'
import { portableClock } from '@wireweave/device/shell/portable-clock'
import type { Endpoint } from '@wireweave/tunnel/ip'
import { createBatch } from '@wireweave/tunnel/packets'

const BATCH = 32
const REGION_BYTES = 65536
const DEFAULT_MTU = 1420
/** What may wait in the WebSocket; beyond it datagrams are lost, as in any full queue. */
const MAX_WAITING_BYTES = 1 << 20
/** Where datagrams go is the relay's business; to the device it has an address. */
const RELAY: Endpoint = { address: Uint8Array.of(192, 0, 2, 1), port: 51820 }

export class BrowserTunnel {
  readonly #carrier: WebSocket
  readonly #clock = portableClock()
  readonly #alarm = this.#clock.alarm(() => this.#turn())
  readonly #arena = new PacketArena(2 * REGION_BYTES + deviceArenaBytes(BATCH) + 256)
  readonly #leavingRegion = this.#arena.take(REGION_BYTES)
  readonly #leaving = createBatch(this.#arena, BATCH)
  readonly #arrivalRegion = this.#arena.take(REGION_BYTES)
  readonly #arrived = new DatagramBatch(this.#arena, 1)
  readonly #device: Device
  readonly #stack: Stack
  readonly #ended = new AbortController()
  #isDue = false

  /** Resolves when the relay is there; the handshake happens with the first packet. */
  static async open(conf: Conf, relay: URL): Promise<BrowserTunnel> {
    const carrier = new WebSocket(relay.href.replace(/^http/, 'ws'))
    carrier.binaryType = 'arraybuffer'
    await new Promise<void>((resolve, reject) => {
      carrier.addEventListener('open', () => resolve(), { once: true })
      carrier.addEventListener('close', () => reject(new Error('the relay cannot be reached')), { once: true })
    })
    return new BrowserTunnel(conf, carrier)
  }

  constructor(conf: Conf, carrier: WebSocket) {
    const mtu = conf.quick.mtu ?? DEFAULT_MTU
    const random = (bytes: Uint8Array): void => void crypto.getRandomValues(bytes as Uint8Array<ArrayBuffer>)
    this.#carrier = carrier
    const { signal } = this.#ended
    carrier.addEventListener('message', ({ data }) => this.#receive(new Uint8Array(data as ArrayBuffer)), { signal })
    carrier.addEventListener('close', () => this.close(), { signal })
    this.#stack = new Stack({
      ...{ mtu, random, onHandlerError: reportError },
      addresses: conf.quick.addresses.map(({ address }) => address),
      onOutput: () => this.#turnSoon(),
    })
    this.#device = new Device({
      ...{ mtu, random, arena: this.#arena, batchSize: BATCH },
      suite: selectSuite().suite,
      engine: selectTransportEngine(this.#arena.memory).engine,
      unixTimeMs: () => Date.now(),
      flush: () => this.#transmit(),
    })
    const now = this.#clock.now()
    this.#device.apply(
      setUpdate(conf, () => RELAY),
      now,
    )
    writeEndpoint(this.#arrived.records, 0, RELAY)
    this.#device.up(now)
    this.#turnSoon()
  }

  get isOpen(): boolean {
    return this.#carrier.readyState === WebSocket.OPEN
  }

  connect(remote: Uint8Array, remotePort: number, handler: ConnectionHandler): Connection | NetworkErrorCode {
    return this.isOpen ? this.#stack.connect({ remote, remotePort, handler }, this.#clock.now()) : 'ENETDOWN'
  }

  /** Ends every connection and forgets the keys. */
  close(): void {
    this.#ended.abort()
    this.#carrier.close()
    this.#stack.abandon('ENETDOWN')
    this.#device.wipe(this.#clock.now())
    this.#alarm.close()
  }

  #receive(datagram: Uint8Array): void {
    const { offset, length } = this.#arrivalRegion
    if (datagram.length > length) return
    const now = this.#clock.now()
    this.#arena.bytes.set(datagram, offset)
    this.#arrived.offsets[0] = offset
    this.#arrived.lengths[0] = datagram.length
    this.#arrived.count = 1
    this.#device.receiveDatagrams(this.#arrived, now)
    this.#settle(now)
    this.#turnSoon()
  }

  /** Once for all that happens in this task. */
  #turnSoon(): void {
    if (this.#isDue) return
    this.#isDue = true
    queueMicrotask(() => {
      this.#isDue = false
      if (this.isOpen) this.#turn()
    })
  }

  #turn(): void {
    const { offset, length } = this.#leavingRegion
    const now = this.#clock.now()
    this.#device.advance(now)
    this.#device.processHandshakes(4, now)
    this.#settle(now)
    this.#stack.advance(now)
    while (this.#stack.transmit(this.#leaving, offset, offset + length, now) > 0) {
      this.#device.sendPackets(this.#leaving, now)
      this.#settle(now)
    }
    const deadline = Math.min(this.#device.nextDeadline()?.at ?? Infinity, this.#stack.nextDeadline())
    this.#alarm.set(deadline === Infinity ? null : deadline)
  }

  /** After every call of the device: its datagrams to the relay, its packets to the stack. */
  #settle(now: number): void {
    this.#transmit()
    const { inbound } = this.#device
    this.#stack.receive(inbound, 0, now)
    inbound.count = 0
  }

  #transmit(): void {
    const { outbound } = this.#device
    const { offsets, lengths, arena } = outbound
    for (let i = 0; i < outbound.count && this.#carrier.bufferedAmount < MAX_WAITING_BYTES; i++) {
      this.#carrier.send(arena.bytes.slice(offsets[i], offsets[i]! + lengths[i]!))
    }
    outbound.clear()
  }
}
