/** Names of interfaces, with and without a number for us to find. */
import { EEXIST, SystemError } from '@wireweave/ffi/errno'
import { WireGuardError } from '@wireweave/tunnel/errors'

// As wg and wg-quick have it; the kernel would take more.
const NAME = /^[a-zA-Z0-9_=+.-]{1,15}$/

/**
 * Calls `create` with the name; when that ends in `%d`, with 0, 1, 2 … in its place until it does not fail with EEXIST.
 * The kernel would find a number, too, but its answer does not say which.
 */
export function createNamed<T>(name: string, create: (name: string) => T): T {
  if (!name.endsWith('%d')) return create(checkName(name, name))
  const stem = name.slice(0, -2)
  for (let number = 0; ; number++) {
    const candidate = checkName(`${stem}${number}`, name)
    try {
      return create(candidate)
    } catch (error) {
      if (!(error instanceof SystemError && error.errno === EEXIST)) throw error
    }
  }
}

/** `asked` is for the message. */
function checkName(name: string, asked: string): string {
  if (NAME.test(name) && name !== '.' && name !== '..') return name
  const rule = '1 to 15 characters of a-z A-Z 0-9 _ = + . -, with %d at the end to have it numbered'
  throw new WireGuardError('NAME_INVALID', `${JSON.stringify(asked)} cannot be the name of an interface: use ${rule}`)
}
