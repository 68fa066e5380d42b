/** The thread of an {@link EventReadiness}: waits for the event whenever it is asked to, and leaves when told to quit. */
import { parentPort, workerData } from 'node:worker_threads'
import { ARMED, type EventOrder, IDLE } from './event-readiness.js'
import { WaitSet } from './wait.js'

const { event, quit, state, recheckMs } = workerData as EventOrder
const QUIT = 0
// First the one that matters more when both are set.
const both = new WaitSet(quit, event)

for (;;) {
  Atomics.wait(state, 0, IDLE)
  if (both.wait(recheckMs) === QUIT) break
  Atomics.compareExchange(state, 0, ARMED, IDLE)
  parentPort!.postMessage(null)
}
