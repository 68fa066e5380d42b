/** Names of adapters, with and without a number for us to find. */
import { WireGuardError } from '@wireweave/tunnel/errors'
import { INTERFACE_NAME_RULE, isInterfaceName } from '@wireweave/tunnel/interface-name'

/** Windows gives these to devices, whatever follows a dot. */
const DEVICE_NAME = /^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\.|$)/i
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
  if (isInterfaceName(name) && !DEVICE_NAME.test(name) && !name.startsWith('.') && !name.endsWith('.')) return name
  const rule = `${INTERFACE_NAME_RULE}, no dot at either end, no name of a device such as NUL`
  throw new WireGuardError('NAME_INVALID', `${JSON.stringify(asked)} cannot be the name of an adapter: use ${rule}`)
}
