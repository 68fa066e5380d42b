import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { handshakeCode, transportCode, transportRelaxedCode } from '../../src/internal/wasm-bytes.js'
import { instantiateOver, isCompilable } from '../../src/internal/wasm-module.js'
import type { TransportCode } from '../../src/internal/wasm-transport.js'
import { pattern } from '../suites/bytes.js'

describe('the WebAssembly modules', () => {
  test('are what the sources in assembly/ compile to', () => {
    const build = path.join(import.meta.dirname, '../../assembly/build.mjs')
    execFileSync(process.execPath, [build, '--check'], { stdio: 'pipe' })
  }, 60_000)

  test('compile here, apart from relaxed SIMD before V8 11.4', () => {
    expect(isCompilable(transportCode)).toBe(true)
    expect(isCompilable(handshakeCode)).toBe(true)
    expect(isCompilable(transportRelaxedCode)).toBe(Number(process.versions.node.split('.')[0]) >= 21)
  })

  test('sum the products of Poly1305 within 64 bits, however large limbs, key and blocks are', () => {
    const word = 2n ** 32n - 1n
    const [r0, r] = [0x0fff_ffffn, 0x0fff_fffcn]
    const s = r + r / 4n
    let h: readonly [bigint, bigint, bigint, bigint] = [0n, 0n, 0n, 0n]
    // The recurrence of assembly/transport.mjs for the upper bounds; it settles after a few blocks.
    for (let block = 0; block < 20; block++) {
      const [a0, a1, a2, a3] = [h[0] + word, h[1] + word, h[2] + word, h[3] + word + 2n ** 32n] as const
      const d0 = a1 * s + a2 * s + a3 * s + a0 * r0
      const d1 = a1 * r0 + a2 * s + a3 * s + a0 * r + (d0 >> 32n)
      const d2 = a1 * r + a2 * r0 + a3 * s + a0 * r + (d1 >> 32n)
      const d3 = a1 * r + a2 * r + a3 * r0 + a0 * r + (d2 >> 32n)
      for (const sum of [d0, d1, d2, d3]) expect(sum < 2n ** 64n).toBe(true)
      h = [word + (d3 >> 34n) * 5n, word, word, 2n ** 34n - 1n]
    }
  })

  test('take a memory of any size, shared or not', () => {
    for (const descriptor of [
      { initial: 1 },
      { initial: 3, maximum: 70 },
      { initial: 1, maximum: 1 },
      { initial: 1, maximum: 65_536 },
    ]) {
      expect(() => instantiateOver(transportCode, new WebAssembly.Memory(descriptor))).not.toThrow()
    }
    for (const maximum of [2, 65_536]) {
      const memory = new WebAssembly.Memory({ initial: 2, maximum, shared: true })
      expect(() => instantiateOver(transportCode, memory)).not.toThrow()
    }
  })

  // Node 20 does not have it: there is nothing to compare, which is no test left out.
  if (isCompilable(transportRelaxedCode))
    test('with and without relaxed SIMD seal the same bytes', () => {
      const [plain, relaxed] = [transportCode, transportRelaxedCode].map((module) => {
        const memory = new WebAssembly.Memory({ initial: 1 })
        const code = instantiateOver(module, memory) as unknown as TransportCode
        const bytes = new Uint8Array(memory.buffer)
        bytes.set(pattern(32))
        bytes.set(pattern(1500), 4096)
        code.seal(1, 2, 4096, 1500, 4096, 4096, 0)
        return Buffer.from(bytes.subarray(4096, 6000))
      })
      expect(plain!.equals(relaxed!)).toBe(true)
    })

  test('a runtime without SIMD is told so, and told what to do', async () => {
    vi.resetModules()
    const validate = vi.spyOn(WebAssembly, 'validate').mockReturnValue(false)
    try {
      const { wasmTransportEngine, wasmSuite } = await import('../../src/wasm.js')
      expect(wasmTransportEngine.isSupported()).toBe(false)
      const create = (): unknown => wasmTransportEngine.create(new WebAssembly.Memory({ initial: 1 }))
      expect(create).toThrow('this runtime has no WebAssembly SIMD: use another engine')
      expect(() => wasmSuite.seal(pattern(32), 0n, pattern(1), pattern(0))).toThrow('SIMD')
    } finally {
      validate.mockRestore()
      vi.resetModules()
    }
  })
})
