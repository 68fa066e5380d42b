/**
 * `npm run sim`: random schedules in the simulator, with every rule of the protocol watched at every moment.
 *
 *   npm run sim                      200 schedules
 *   npm run sim -- --seeds 5000      as many as you like
 *   npm run sim -- --from 1000       beginning with this seed; 1 when absent
 *   npm run sim -- --seed 4711       one of them again
 *
 * A schedule is twenty minutes of trouble between two devices, or ten for every fifth seed, then recovery, silence and a
 * new beginning. Exits with 1 when a rule was broken, and says by which seed.
 */
import { readArguments, wholeNumber } from './lib/arguments.mjs'
import { prepare } from './lib/prepare.mjs'

const { values } = readArguments(import.meta.url, {
  options: { seeds: { type: 'string' }, from: { type: 'string' }, seed: { type: 'string' } },
})
const single = values.seed === undefined ? null : wholeNumber('--seed', values.seed)
const first = single ?? wholeNumber('--from', values.from ?? '1')
const count = single === null ? wholeNumber('--seeds', values.seeds ?? '200') : 1

prepare()
const { runSchedule, shrinkSchedule, describeFailure } = await import('../packages/testkit/dist/schedule-run.js')

const PROGRESS_EVERY_MS = 5000
const SHRINK_MS = 30_000
const total = { schedules: 0, virtualMs: 0, handshakes: 0, datagrams: 0, packetsSent: 0, packetsDelivered: 0 }
const failed = []
const started = performance.now()
let toldAt = started

for (let seed = first; seed < first + count; seed++) {
  const options = { seed, hosts: seed % 5 === 0 ? 10 : 2, troubleMs: 20 * 60_000 }
  const outcome = runSchedule(options)
  total.schedules++
  for (const key of Object.keys(total)) if (key !== 'schedules') total[key] += outcome[key]
  if (outcome.failure !== null) report(options, outcome.failure)
  else if (single !== null || seed % 20 === 0) expectSameTrace(options, outcome.digest)
  if (failed.length === 5) break
  if (performance.now() - toldAt > PROGRESS_EVERY_MS) {
    toldAt = performance.now()
    console.log(`${total.schedules} of ${count}, seed ${seed} ${outcome.digest}, ${failed.length} failed`)
  }
}

const seconds = ((performance.now() - started) / 1000).toFixed(1)
const days = (total.virtualMs / 86_400_000).toFixed(1)
console.log(
  `${total.schedules} schedules, ${failed.length} failed; ${days} days of virtual time in ${seconds} s: ` +
    `${total.handshakes} handshakes, ${total.datagrams} datagrams, ` +
    `${total.packetsDelivered} of ${total.packetsSent} packets delivered`,
)
for (const seed of failed) console.log(`to see it again: npm run sim -- --seed ${seed}`)
process.exitCode = failed.length === 0 ? 0 : 1

/** With the shortest schedule found in a limited time that does it, too. */
function report(options, failure) {
  failed.push(options.seed)
  const end = performance.now() + SHRINK_MS
  const actions = shrinkSchedule(options, failure, { runs: 500, isOver: () => performance.now() > end })
  console.error(`\n${describeFailure(runSchedule(options, actions), actions)}\n`)
}

function expectSameTrace(options, digest) {
  const again = runSchedule(options).digest
  if (again === digest) return
  failed.push(options.seed)
  console.error(
    `seed ${options.seed}: two runs differ, ${digest} and ${again}: something draws on time or chance of its own`,
  )
}
