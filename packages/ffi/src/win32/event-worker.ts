/** The thread of an {@link EventReadiness}: waits for the event whenever it is asked to, and leaves when told to quit. */
import { parentPort, workerData } from 'node:worker_threads'
import { ARMED, type EventOrder, IDLE, QUITTING } from './event-readiness.js'
import { WaitSet } from './wait.js'

const { event, quit, state, recheckMs } = workerData as EventOrder
const QUIT_EVENT = 0
// First the one that matters more when both are set.
const both = new WaitSet(quit, event)

for (;;) {
  Atomics.wait(state, 0, IDLE)
  if (Atomics.load(state, 0) === QUITTING || both.wait(recheckMs) === QUIT_EVENT) break
  Atomics.compareExchange(state, 0, ARMED, IDLE)
  parentPort!.postMessage(null)
}
