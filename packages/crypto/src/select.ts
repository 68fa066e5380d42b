/**
 * Chooses engines at run time: each has to give the right answers before it is used, and of those that do the fastest here
 * is taken. Both functions are synchronous and take about 20 ms together; call each once and keep the result.
 */
import { deriveSharedSecrets, importEphemeralKey } from './ephemeral.js'
import { proveTransportEngine, SCRATCH_BYTES, suiteProofs } from './internal/known-answers.js'
import { splitX25519 } from './internal/split-x25519.js'
import { nobleSuite, nobleTransportEngine } from './noble.js'
import { nodeSuite, nodeTransportEngine } from './node.js'
import { ENGINE_RESERVED_BYTES } from './suite.js'
import type { Suite, SuitePart, TransportEngine, TransportEngineFactory } from './suite.js'
import { wasmSuite, wasmTransportEngine } from './wasm.js'

/** An engine that was tried and cannot be used here. */
export interface SkippedEngine {
  readonly engine: string
  readonly part: SuitePart | 'transport'
  readonly reason: string
}

/** The time of one typical call, in µs; only where more than one engine gave the right answers. */
export interface MeasuredEngine {
  readonly engine: string
  readonly part: SuitePart | 'transport'
  readonly microseconds: number
}

export interface SuiteSelection {
  readonly suite: Suite
  /** Which engine each part is from. */
  readonly chosen: { readonly [Part in SuitePart]: string }
  readonly measured: readonly MeasuredEngine[]
  readonly skipped: readonly SkippedEngine[]
}

export interface TransportEngineSelection {
  readonly engine: TransportEngine
  readonly chosen: string
  readonly measured: readonly MeasuredEngine[]
  readonly skipped: readonly SkippedEngine[]
}

/**
 * Engines are tried in this order, and one that is not clearly faster does not displace an earlier one: at start-up much
 * is still interpreted, which blurs what is close. Noble is taken where nothing else is left, untimed for that reason.
 */
const SUITES: readonly Suite[] = [wasmSuite, nodeSuite]
const FACTORIES: readonly TransportEngineFactory[] = [wasmTransportEngine, nodeTransportEngine]
const CLEARLY_FASTER = 1.5

/** For timing one part of one engine. Of fewer batches the best may be a bad one, where other processes take turns. */
const SLICE_MS = 0.2
const FEWEST_BATCHES = 3

/**
 * A suite of the fastest parts. A part that a suite merely borrows from noble does not count as its own.
 * Throws when no engine gives right answers for a part.
 */
export function selectSuite(suites: readonly Suite[] = SUITES): SuiteSelection {
  const trial = new Trial()
  const choose = (part: SuitePart): Suite => {
    const candidateOf = (suite: Suite): Candidate<Suite> => ({
      engine: suite.name,
      prove: () => {
        suiteProofs[part](suite)
        return suite
      },
      use: () => SUITE_USES[part](suite),
    })
    const own = suites.filter((suite) => ownsPart(suite, part)).map(candidateOf)
    // WebAssembly is slowest at the start: with a key at hand OpenSSL stays faster when both are warm, 37 µs to 62.
    if (part === 'x25519') own.reverse()
    return trial.choose(part, own, candidateOf(nobleSuite))
  }
  const [x25519, ephemeral] = [choose('x25519'), choose('ephemeral')]
  const [hash, mac, hmac] = [choose('hash'), choose('mac'), choose('hmac')]
  const [aead, xaead] = [choose('aead'), choose('xaead')]

  const chosen = {
    x25519: x25519.name,
    ephemeral: ephemeral.name,
    hash: hash.name,
    mac: mac.name,
    hmac: hmac.name,
    aead: aead.name,
    xaead: xaead.name,
  }
  const suite: Suite = {
    name: [...new Set(Object.values(chosen))].join('+'),
    x25519: x25519 === ephemeral ? x25519.x25519 : splitX25519(x25519.x25519, ephemeral.x25519),
    hash: hash.hash,
    mac: mac.mac,
    hmac: hmac.hmac,
    seal: aead.seal,
    open: aead.open,
    sealX: xaead.sealX,
    openX: xaead.openX,
  }
  return { suite, chosen, measured: trial.measured, skipped: trial.skipped }
}

/**
 * The fastest engine over `memory`, which no engine must be using yet: during this call the first bytes behind the reserved
 * ones serve as scratch space, and get back what they held. Throws when no engine works on this memory.
 */
export function selectTransportEngine(
  memory: { readonly buffer: ArrayBufferLike },
  factories: readonly TransportEngineFactory[] = FACTORIES,
): TransportEngineSelection {
  const bytes = new Uint8Array(memory.buffer)
  const end = ENGINE_RESERVED_BYTES + SCRATCH_BYTES
  if (bytes.length < end) throw new RangeError(`a memory for packets has at least ${end} bytes, not ${bytes.length}`)
  const held = bytes.slice(ENGINE_RESERVED_BYTES, end)

  const trial = new Trial()
  const candidateOf = (factory: TransportEngineFactory): Candidate<TransportEngine> => ({
    engine: factory.name,
    prove: () => {
      const engine = factory.create(memory)
      proveTransportEngine(engine, ENGINE_RESERVED_BYTES)
      return engine
    },
    use: (engine) => () => engine.seal(SOME_KEY, 0, 0, ENGINE_RESERVED_BYTES, 1440, ENGINE_RESERVED_BYTES),
  })
  try {
    const engine = trial.choose('transport', factories.map(candidateOf), candidateOf(nobleTransportEngine))
    engine.forgetKey()
    return { engine, chosen: engine.name, measured: trial.measured, skipped: trial.skipped }
  } finally {
    bytes.set(held, ENGINE_RESERVED_BYTES)
  }
}

interface Candidate<T> {
  readonly engine: string
  /** Throws when it cannot run here or gives a wrong answer. */
  prove(): T
  /** Prepares what is timed. */
  use(instance: T): () => unknown
}

class Trial {
  readonly measured: MeasuredEngine[] = []
  readonly skipped: SkippedEngine[] = []

  choose<T>(part: SuitePart | 'transport', candidates: readonly Candidate<T>[], floor: Candidate<T>): T {
    const proven = this.#prove(part, candidates)
    if (proven.length === 0) proven.push(...this.#prove(part, [floor]))
    if (proven.length < 2) {
      if (proven[0] !== undefined) return proven[0].instance
      const reasons = this.skipped.filter((skipped) => skipped.part === part)
      const list = reasons.map(({ engine, reason }) => `${engine}: ${reason}`).join('; ')
      throw new Error(`no engine for ${part} can be trusted in this runtime (${list})`)
    }

    let fastest = proven[0]!.instance
    let best: number | null = null
    for (const { candidate, instance } of proven) {
      const microseconds = measure(candidate.use(instance))
      this.measured.push({ engine: candidate.engine, part, microseconds })
      if (best !== null && microseconds * CLEARLY_FASTER >= best) continue
      fastest = instance
      best = microseconds
    }
    return fastest
  }

  #prove<T>(
    part: SkippedEngine['part'],
    candidates: readonly Candidate<T>[],
  ): { candidate: Candidate<T>; instance: T }[] {
    return candidates.flatMap((candidate) => {
      try {
        return [{ candidate, instance: candidate.prove() }]
      } catch (error) {
        const reason = error instanceof Error ? error.message : 'threw what is not an Error'
        this.skipped.push({ engine: candidate.engine, part, reason })
        return []
      }
    })
  }
}

/** Best time of a call, in µs; Infinity where the clock is too coarse to tell, which displaces nobody. */
function measure(call: () => unknown): number {
  let best = Infinity
  const begin = performance.now()
  for (let batch = 1, batches = 1; ; batches++) {
    const start = performance.now()
    for (let i = 0; i < batch; i++) call()
    const stop = performance.now()
    if (stop > start) best = Math.min(best, ((stop - start) * 1000) / batch)
    if (batches >= FEWEST_BATCHES && stop - begin >= SLICE_MS) return best
    if (stop - start < SLICE_MS / 8) batch *= 2
  }
}

const SOME_KEY: Uint8Array = new Uint8Array(32).fill(9)

/** Each part as a handshake uses it most. */
const SUITE_USES: { readonly [Part in SuitePart]: (suite: Suite) => () => unknown } = {
  x25519({ x25519 }) {
    const privateKey = x25519.importPrivateKey(SOME_KEY)
    return () => x25519.deriveSharedSecret(privateKey, x25519.importPublicKey(SOME_KEY))
  },
  ephemeral({ x25519 }) {
    // Node 20 takes 336 µs to import a private key, Node 22 31: docs/decisions/0006-handshake-rate.md.
    const publicKey = x25519.importPublicKey(SOME_KEY)
    return () => {
      const privateKey = importEphemeralKey(x25519, SOME_KEY)
      deriveSharedSecrets(x25519, privateKey, publicKey, publicKey)
      return privateKey.publicKey
    }
  },
  hash:
    ({ hash }) =>
    () =>
      hash(SOME_KEY, SOME_KEY),
  mac({ mac }) {
    const initiation = new Uint8Array(116)
    return () => mac(SOME_KEY, initiation)
  },
  hmac:
    ({ hmac }) =>
    () =>
      hmac(SOME_KEY, SOME_KEY),
  aead:
    ({ seal }) =>
    () =>
      seal(SOME_KEY, 0n, SOME_KEY, SOME_KEY),
  xaead({ sealX }) {
    const nonce = new Uint8Array(24)
    return () => sealX(SOME_KEY, nonce, SOME_KEY, SOME_KEY)
  },
}

/** Whether a suite does this itself: what it borrowed from noble is the same function. */
function ownsPart(suite: Suite, part: SuitePart): boolean {
  if (part === 'ephemeral') return suite.x25519 !== nobleSuite.x25519
  if (part === 'aead') return suite.seal !== nobleSuite.seal
  if (part === 'xaead') return suite.sealX !== nobleSuite.sealX
  return suite[part] !== nobleSuite[part]
}
