/** What this thread may do, as Linux sees it: rights are capabilities, not the user id. */
import { readFileSync } from 'node:fs'

const CAP_NET_ADMIN = 12

/** May it make and change interfaces? True where the kernel does not tell, so that the call itself decides. */
export function mayAdministerNetwork(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/thread-self/status', 'utf8'))?.[1]
  return effective === undefined || ((BigInt(`0x${effective}`) >> BigInt(CAP_NET_ADMIN)) & 1n) === 1n
}
