/**
 * `npm run fuzz`: random and damaged input for everything that reads what others wrote. Nothing may throw, nothing may
 * change that is not authenticated, and refusals must be clear and tell no secret.
 *
 *   npm run fuzz                                   100 000 cases
 *   npm run fuzz -- --cases 5000000 --seconds 600  whichever ends first
 *   npm run fuzz -- --target uapi                  only this one
 *   npm run fuzz -- --seed 7                       another beginning; 1 when absent
 *   npm run fuzz -- --target uapi --seed 4711 --once   one round again
 *
 * Exits with 1 when a case failed, and says by which target and seed.
 */
import { readArguments, wholeNumber } from './lib/arguments.mjs'
import { prepare } from './lib/prepare.mjs'

const { values } = readArguments(import.meta.url, {
  options: {
    cases: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '300' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string' },
    once: { type: 'boolean', default: false },
  },
})
const [wantedCases, seconds, firstSeed] = ['cases', 'seconds', 'seed'].map((name) =>
  wholeNumber(`--${name}`, values[name]),
)

prepare()
const { FUZZ_TARGETS, CASES_PER_ROUND, runRound } = await import('../packages/testkit/dist/fuzz/run.js')

const targets = FUZZ_TARGETS.filter(({ name }) => values.target === undefined || values.target === name)
if (targets.length === 0) {
  console.error(`unknown target "${values.target}". There are: ${FUZZ_TARGETS.map(({ name }) => name).join(', ')}`)
  process.exit(1)
}

const PROGRESS_EVERY_MS = 5000
const MAX_FAILURES = 5
const started = performance.now()
const end = started + seconds * 1000
const counts = Object.fromEntries(targets.map(({ name }) => [name, 0]))
const failures = []
let cases = 0
let toldAt = started
const rounds = values.once ? targets.length : Math.ceil(wantedCases / CASES_PER_ROUND)

for (let round = 0; round < rounds && performance.now() < end && failures.length < MAX_FAILURES; round++) {
  const target = targets[round % targets.length]
  const outcome = runRound(target, firstSeed + Math.floor(round / targets.length))
  cases += outcome.cases
  counts[target.name] += outcome.cases
  if (outcome.failure !== null) {
    failures.push(outcome)
    console.error(`\n${outcome.target}, seed ${outcome.seed}, ${outcome.failure}\n`)
  }
  if (performance.now() - toldAt > PROGRESS_EVERY_MS) {
    toldAt = performance.now()
    console.log(`${cases} of ${rounds * CASES_PER_ROUND} cases, ${failures.length} failed`)
  }
}

const each = Object.entries(counts).map(([name, count]) => `${name} ${count}`)
console.log(
  `${cases} cases, ${failures.length} failed, in ${((performance.now() - started) / 1000).toFixed(1)} s: ${each.join(', ')}`,
)
if (cases < wantedCases && failures.length === 0 && !values.once)
  console.log(`time was up after ${seconds} s; --seconds gives more`)
for (const { target, seed } of failures)
  console.log(`to see it again: npm run fuzz -- --target ${target} --seed ${seed} --once`)
process.exitCode = failures.length === 0 ? 0 : 1
