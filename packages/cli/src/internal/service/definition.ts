/** The definition of a Windows service, for WinSW: node.exe does not speak with the service manager, WinSW does. */

export interface ServiceWishes {
  /** Of the interface. */
  readonly name: string
  /** Absolute paths. */
  readonly node: string
  readonly program: string
  readonly config: string
  readonly adapter: string | null
  /** PreUp and its kin run, as LocalSystem. */
  readonly hooks: boolean
}

/** The id of the service, and the name of its two files. */
export function serviceId(name: string): string {
  return `wireweave-${name}`
}

/** WinSW's XML. It starts with Windows, after the network stack, as LocalSystem, and ends the tunnel as Ctrl-C does. */
export function serviceDefinition({ name, node, program, config, adapter, hooks }: ServiceWishes): string {
  const args = [
    quoted(program),
    'up',
    '--foreground',
    ...(adapter === null ? [] : ['--adapter', adapter]),
    ...(hooks ? [] : ['--no-hooks']),
    quoted(config),
  ]
  return `<service>
  <id>${escaped(serviceId(name))}</id>
  <name>WireGuard tunnel ${escaped(name)} (Wireweave)</name>
  <description>Keeps the tunnel of ${escaped(config)} up.</description>
  <executable>${escaped(node)}</executable>
  <arguments>${escaped(args.join(' '))}</arguments>
  <startmode>Automatic</startmode>
  <depend>Nsi</depend>
  <depend>Tcpip</depend>
  <stoptimeout>30 sec</stoptimeout>
  <onfailure action="restart" delay="5 sec"/>
  <onfailure action="restart" delay="30 sec"/>
  <resetfailure>10 min</resetfailure>
  <log mode="roll-by-size">
    <sizeThreshold>1024</sizeThreshold>
    <keepFiles>4</keepFiles>
  </log>
</service>
`
}

/** A path for a command line of Windows: it can hold no quote, and a backslash at its end would escape ours. */
function quoted(path: string): string {
  if (path.includes('"')) throw new RangeError(`${path} cannot be a path of Windows`)
  return `"${path.replace(/\\+$/, (slashes) => slashes + slashes)}"`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
