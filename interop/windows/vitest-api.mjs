/**
 * What test files import from `vitest`, put together from the parts vitest itself is made of: vitest starts programs of its
 * own, which Wine cannot give a pipe to.
 */
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  customMatchers,
  getState,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect'
import { getCurrentTest } from '@vitest/runner'

export { afterAll, afterEach, beforeAll, beforeEach, describe, it, onTestFinished, test } from '@vitest/runner'

chai.use(JestExtend)
chai.use(JestChaiExpect)
chai.use(JestAsymmetricMatchers)

const POLL_MS = 20
const TIMEOUT_MS = 30_000

export const expect = (value, message) => {
  setState({ assertionCalls: getState(expect).assertionCalls + 1 }, expect)
  const assertion = chai.expect(value, message)
  const test = getCurrentTest()
  return test === undefined ? assertion : assertion.withTest(test)
}
Object.assign(expect, chai.expect, globalThis[ASYMMETRIC_MATCHERS_OBJECT])
setState({ assertionCalls: 0, isExpectingAssertions: false }, expect)
expect.getState = () => getState(expect)
expect.setState = (state) => setState(state, expect)
expect.extend = (matchers) => chai.expect.extend(expect, matchers)
expect.extend(customMatchers)
expect.poll = poll
Object.defineProperty(globalThis, GLOBAL_EXPECT, { value: expect, configurable: true })

/** `expect.poll(read).toBe(…)`: one matcher, tried until it holds. */
function poll(read, { timeout = TIMEOUT_MS, interval = POLL_MS } = {}) {
  return matcherProxy(async (apply) => {
    for (const end = performance.now() + timeout; ;) {
      const isLast = performance.now() >= end
      try {
        return apply(expect(await read()))
      } catch (error) {
        if (isLast) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, interval))
    }
  })
}

function matcherProxy(run, path = []) {
  return new Proxy(() => {}, {
    get: (_target, key) => matcherProxy(run, [...path, key]),
    apply: (_target, _this, args) =>
      run((assertion) => {
        const target = path.slice(0, -1).reduce((object, key) => object[key], assertion)
        return target[path.at(-1)](...args)
      }),
  })
}
