/** A session over every suite and engine, for any runtime: see @wireweave/testkit/portable. */
import type { Test } from '@wireweave/testkit/portable'
import { sessionSuite } from './suites/session.js'
import { memories, sides } from './suites/sides.js'

export default function (test: Test): void {
  for (const initiator of sides)
    for (const responder of sides)
      for (const [where, memory] of Object.entries(memories)) {
        const group = `${initiator.suite.name} to ${responder.suite.name} in ${where}`
        const named = Object.assign(
          (title: string, body: () => void | Promise<void>) => test(`${group}: ${title}`, body),
          {
            skip: (title: string, body: () => void) => test.skip(`${group}: ${title}`, body),
          },
        )
        sessionSuite(named, initiator, responder, memory)
      }
}
