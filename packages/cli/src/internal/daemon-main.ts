/** From the command line to an exit code. */
import { checkDescriptors, DAEMON_USAGE, parseDaemonArguments, parseDaemonEnvironment } from './daemon-arguments.js'
import type { DaemonParts } from './foreground.js'
import { VERSION } from './version.js'

export async function daemonMain(args: readonly string[], env: NodeJS.ProcessEnv, parts: DaemonParts): Promise<number> {
  const command = parseDaemonArguments(args, env)
  switch (command.tag) {
    case 'help':
      process.stdout.write(DAEMON_USAGE)
      return 0
    case 'version':
      process.stdout.write(
        `wireweave-daemon v${VERSION}\n\nUserspace WireGuard daemon for ${process.platform}-${process.arch} on Node.js ${process.version}.\n`,
      )
      return 0
    case 'invalid':
      process.stderr.write(`${command.message}\nSee wireweave-daemon --help.\n`)
      return 1
    case 'run':
    default:
      return await run(command.interfaceName, command.foreground, env, parts)
  }
}

async function run(
  interfaceName: string,
  foreground: boolean,
  env: NodeJS.ProcessEnv,
  parts: DaemonParts,
): Promise<number> {
  const { findStarter, startInBackground } = await import('./background.js')
  const starter = findStarter(env)
  try {
    const environment = parseDaemonEnvironment(env)
    checkDescriptors(environment)
    if (environment.keyLog !== null && starter === null) {
      const { keyLogWarning } = await import('./key-log.js')
      process.stderr.write(`WARNING: ${keyLogWarning(environment.keyLog)}\n`)
    }
    if (foreground) {
      const { serveInForeground } = await import('./foreground.js')
      await serveInForeground(interfaceName, environment, parts, () => starter?.ready())
      return 0
    }
    const problem = await startInBackground(interfaceName, environment)
    if (problem === null) return 0
    process.stderr.write(`${problem}\n`)
  } catch (error) {
    const message = `wireweave-daemon: ${error instanceof Error ? error.message : 'unknown failure'}`
    if (starter === null) process.stderr.write(`${message}\n`)
    else starter.failed(message)
  }
  return 1
}
