/** Whether a signature was revoked, where that can be known. */

export const WTD_REVOKE_NONE = 0
export const WTD_REVOKE_WHOLECHAIN = 1

/**
 * CRYPT_E_NO_REVOCATION_CHECK, CRYPT_E_REVOCATION_OFFLINE, CERT_E_REVOCATION_FAILURE: nobody could tell, since no list is in
 * the cache and none may be fetched.
 */
const UNKNOWN: ReadonlySet<number> = new Set([0x8009_2012, 0x8009_2013, 0x800b_010e])

/**
 * The status of a signature, 0 when Windows trusts it. What is known to be revoked is refused; on a machine that was never
 * online, whose only way out may be the tunnel, the rest of the signature decides.
 */
export function trustStatus(verify: (revocation: number) => number): number {
  const status = verify(WTD_REVOKE_WHOLECHAIN)
  return UNKNOWN.has(status) ? verify(WTD_REVOKE_NONE) : status
}
