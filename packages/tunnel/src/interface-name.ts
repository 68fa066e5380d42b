/** Names of network interfaces: those that Linux, `wg` and `wg-quick` all accept, and that are safe as part of a path. */

/** For error messages. */
export const INTERFACE_NAME_RULE = '1 to 15 characters of a-z A-Z 0-9 _ = + . -'

export function isInterfaceName(name: string): boolean {
  return /^[a-zA-Z0-9_=+.-]{1,15}$/.test(name) && name !== '.' && name !== '..'
}

/** As {@link isInterfaceName}, or one that the system numbers, such as `wg%d`. */
export function isInterfacePattern(name: string): boolean {
  return isInterfaceName(name.endsWith('%d') ? `${name.slice(0, -2)}00` : name)
}

/** For error messages, behind {@link INTERFACE_NAME_RULE}. */
export const WINDOWS_NAME_RULE = 'no dot at either end, no name of a device such as NUL'

/** As Windows has it: a name is that of a service, a pipe and a file, too, and devices own theirs whatever follows a dot. */
export function isWindowsName(name: string): boolean {
  return !/^(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.|$)/i.test(name) && !name.startsWith('.') && !name.endsWith('.')
}
