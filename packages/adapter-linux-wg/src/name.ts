/** Names of interfaces, with and without a number for us to find. */
import { EEXIST, SystemError } from '@wireweave/ffi/errno'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { INTERFACE_NAME_RULE, isInterfaceName } from '@wireweave/tunnel/interface-name'

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
  if (isInterfaceName(name)) return name
  const rule = `${INTERFACE_NAME_RULE}, with %d at the end to have it numbered`
  throw new WireGuardError('NAME_INVALID', `${JSON.stringify(asked)} cannot be the name of an interface: use ${rule}`)
}
