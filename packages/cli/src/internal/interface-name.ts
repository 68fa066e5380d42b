/** Names that Linux and `wg-quick` both accept, and that are safe as part of a path. */
export function isInterfaceName(name: string): boolean {
  return /^[a-zA-Z0-9_=+.-]{1,15}$/.test(name) && name !== '.' && name !== '..'
}

/** As {@link isInterfaceName}, or one that the system numbers, such as `wg%d`. */
export function isInterfacePattern(name: string): boolean {
  return isInterfaceName(name.endsWith('%d') ? `${name.slice(0, -2)}0` : name)
}
