/** Names of adapters, with and without a number for us to find. */
import { WireGuardError } from '@wireweave/tunnel/errors'
import {
  INTERFACE_NAME_RULE,
  isInterfaceName,
  isWindowsName,
  WINDOWS_NAME_RULE,
} from '@wireweave/tunnel/interface-name'

const MOST_NUMBERS = 1000

/** Asks `isFree` for the name; when that ends in `%d`, for it with 0, 1, 2 … in its place until one is free. */
export async function chooseName(asked: string, isFree: (name: string) => Promise<boolean>): Promise<string> {
  if (!asked.endsWith('%d')) {
    if (await isFree(check(asked, asked))) return asked
    const remedy = 'Take that one down, or choose another name.'
    throw new WireGuardError('NAME_IN_USE', `a network interface is called ${asked} already. ${remedy}`)
  }
  for (let number = 0; number < MOST_NUMBERS; number++) {
    const name = check(`${asked.slice(0, -2)}${number}`, asked)
    if (await isFree(name)) return name
  }
  throw new WireGuardError('NAME_IN_USE', `the first ${MOST_NUMBERS} names of ${asked} are taken`)
}

function check(name: string, asked: string): string {
  if (isInterfaceName(name) && isWindowsName(name)) return name
  const rule = `${INTERFACE_NAME_RULE}, ${WINDOWS_NAME_RULE}`
  throw new WireGuardError('NAME_INVALID', `${JSON.stringify(asked)} cannot be the name of an adapter: use ${rule}`)
}
