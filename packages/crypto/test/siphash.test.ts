import { describe, test } from 'vitest'
import { siphashSuite } from './suites/siphash.js'

describe('SipHash-2-4', () => {
  siphashSuite(test)
})
