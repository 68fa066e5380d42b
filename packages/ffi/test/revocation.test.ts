import { expect, test } from 'vitest'
import { trustStatus, WTD_REVOKE_NONE, WTD_REVOKE_WHOLECHAIN } from '../src/internal/revocation.js'

const REVOKED = 0x800b_010c
const UNTRUSTED = 0x800b_0109

/** A Windows that answers so when it looks for revocations, and so when it does not. */
const judged = (looking: number, notLooking: number): [status: number, looks: number] => {
  let looks = 0
  const status = trustStatus((revocation) => {
    looks++
    expect(revocation).toBe(looks === 1 ? WTD_REVOKE_WHOLECHAIN : WTD_REVOKE_NONE)
    return revocation === WTD_REVOKE_WHOLECHAIN ? looking : notLooking
  })
  return [status, looks]
}

test('what is known to be revoked is refused, and what is known not to be is trusted', () => {
  expect(judged(REVOKED, 0)).toEqual([REVOKED, 1])
  expect(judged(0, UNTRUSTED)).toEqual([0, 1])
})

test.each([0x8009_2012, 0x8009_2013, 0x800b_010e])(
  'where no list of revocations can be had (0x%x) the rest of the signature decides',
  (offline) => {
    expect(judged(offline, 0)).toEqual([0, 2])
    expect(judged(offline, UNTRUSTED)).toEqual([UNTRUSTED, 2])
  },
)
