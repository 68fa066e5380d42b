import type { DeviceSecrets } from '@wireweave/tunnel/config'

export function wipeSecrets({ privateKey, presharedKeys }: DeviceSecrets): void {
  privateKey?.fill(0)
  for (const key of presharedKeys) key?.fill(0)
}
