import { tunnelConformance } from '@wireweave/testkit/conformance/tunnel'
import type { TunnelFixture } from '@wireweave/testkit/conformance/tunnel'
import { expect } from 'vitest'
import { adapterCount, backend, freshName, handleCount, isUp, kill, reset, rule, violations } from './double.js'

tunnelConformance(
  'WireGuardNT over its stand-in',
  (): TunnelFixture => ({
    backend: backend(),
    freshName,
    kill: async (tunnel) => void kill(tunnel.interfaceRef!.name),
    isUp: async (name) => isUp(name) === true,
    leftovers: async (name) => (isUp(name) === null ? [] : [name]),
    // The adapter is there, and then its log cannot be turned on.
    openHalfway: (name) => {
      rule('logging=87*1')
      return backend().open({ name, onEvent: () => {} })
    },
  }),
  () => {
    expect(violations()).toEqual([])
    expect([adapterCount(), handleCount()]).toEqual([0, 0])
    reset()
  },
)
