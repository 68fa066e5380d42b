/** All of a device that can be seen from outside, as text that is equal when it is. */
import { createHash } from 'node:crypto'
import type { Device } from '@wireweave/device/core/device'

/** Secrets go in as a hash. Counters of dropped datagrams are left out: those may change. */
export function describeState(device: Device): string {
  const { privateKey, presharedKeys } = device.secrets()
  const hash = createHash('sha256')
  for (const key of [privateKey, ...presharedKeys]) hash.update(key ?? 'none')
  const picture = {
    snapshot: device.snapshot(),
    secrets: hash.digest('hex'),
    load: device.load,
    deadline: device.nextDeadline(),
    isUp: device.isUp,
    listenPort: device.listenPort,
    fwmark: device.fwmark,
  }
  return JSON.stringify(picture, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
  })
}
