/** `wireweave service`: a tunnel that starts with Windows. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseConf } from '@wireweave/config/conf'
import { systemFolder } from '@wireweave/ffi/win32/system'
import { WireGuardError } from '@wireweave/tunnel/errors'
import { confFolder, isWritableByAll, locateConf, readConfFile } from 'wireweave'
import { print, say } from '../terminal.js'
import { serviceDefinition, serviceId } from './definition.js'

const WINSW = 'https://github.com/winsw/winsw/releases'

export interface InstallFlags {
  readonly winsw?: string
  readonly adapter?: string
  readonly hooks?: boolean
}

interface ServiceFiles {
  readonly id: string
  readonly folder: string
  readonly definition: string
  /** A copy of WinSW under the name of the service. */
  readonly wrapper: string
}

/** Writes the definition and, with WinSW, installs and starts the service. */
export function installService(source: string, { winsw, adapter, hooks = false }: InstallFlags): void {
  requireWindows()
  const { name, file } = locateConf(source)
  const { quick } = parseConf(readConfFile(source).text, file)
  const files = filesOf(name)
  if (winsw !== undefined && !existsSync(winsw)) {
    throw new WireGuardError('CONFIG_INVALID', `there is no ${winsw}. Get WinSW-x64.exe of ${WINSW}.`)
  }
  const program = fileURLToPath(new URL('../../bin/wireweave.js', import.meta.url))
  if (!hooks && Object.values(quick.hooks).some((lines) => lines.length > 0)) {
    say(
      `The service leaves out the hooks of ${file}, which LocalSystem would run: install it with --hooks to have them.`,
    )
  }
  warnIfOthersWrite([process.execPath, program, path.resolve(file)])
  const wishes = { name, node: process.execPath, program, config: path.resolve(file), adapter: adapter ?? null, hooks }
  write(files, serviceDefinition(wishes))
  say(`[#] wrote ${files.definition}`)
  if (winsw === undefined) {
    print(
      `Get WinSW-x64.exe (WinSW-arm64.exe) of ${WINSW}, then run\n` +
        `  wireweave service install --winsw WinSW-x64.exe ${source}\n` +
        `or copy it to ${files.wrapper} and run that with "install" and "start".\n`,
    )
    return
  }
  if (existsSync(files.wrapper)) runWrapper(files, 'stop', 'uninstall')
  copyFileSync(winsw, files.wrapper)
  runWrapper(files, 'install', 'start')
}

/** Stops and uninstalls it, and removes its files. The configuration stays. */
export function removeService(source: string): void {
  requireWindows()
  const files = filesOf(locateConf(source).name)
  if (!existsSync(files.definition)) throw notInstalled(files)
  if (existsSync(files.wrapper)) runWrapper(files, 'stop', 'uninstall')
  for (const file of [files.wrapper, files.definition]) rmSync(file, { force: true })
  say(`[#] removed ${files.definition}`)
}

/** Prints what the service manager says. */
export function serviceStatus(source: string): void {
  requireWindows()
  const files = filesOf(locateConf(source).name)
  if (!existsSync(files.definition)) throw notInstalled(files)
  const query = spawnSync(path.join(systemFolder(), 'sc.exe'), ['query', files.id], { encoding: 'utf8' })
  const [, state] = /STATE\s*:\s*\d+\s+(\w+)/.exec(query.stdout ?? '') ?? []
  print(`${files.id}: ${state?.toLowerCase().replaceAll('_', ' ') ?? 'defined, not installed'}\n`)
}

function requireWindows(): void {
  if (process.platform === 'win32') return
  const remedy = 'On Linux use systemd: see "systemctl enable" in the documentation.'
  throw new WireGuardError('NOT_SUPPORTED', `"service" is for Windows. ${remedy}`)
}

/** Where only administrators may write: LocalSystem runs what lies there. */
function filesOf(name: string): ServiceFiles {
  const folder = path.join(confFolder(), 'services')
  const id = serviceId(name)
  return { id, folder, definition: path.join(folder, `${id}.xml`), wrapper: path.join(folder, `${id}.exe`) }
}

function write({ folder, definition }: ServiceFiles, text: string): void {
  try {
    mkdirSync(folder, { recursive: true })
    writeFileSync(definition, text)
  } catch (cause) {
    const remedy = 'Run as administrator.'
    throw new WireGuardError('PERMISSION_DENIED', `${definition} cannot be written. ${remedy}`, { cause })
  }
}

/** The service runs as LocalSystem: whoever can write to these files would be it. */
function warnIfOthersWrite(files: readonly string[]): void {
  const profiles = path.join(path.parse(systemFolder()).root, 'Users').toLowerCase()
  for (const file of files) {
    const isInProfile = file.toLowerCase().startsWith(`${profiles}\\`)
    if (!isInProfile && !isWritableByAll(file)) continue
    const who = isInProfile ? "is in a user's folder: that user" : 'can be changed by every user, who then'
    say(`[!] ${file} ${who} could change what LocalSystem runs. Move it to Program Files.`)
  }
}

function runWrapper({ wrapper, id }: ServiceFiles, ...verbs: string[]): void {
  for (const verb of verbs) {
    say(`[#] ${path.basename(wrapper)} ${verb}`)
    const { status, error } = spawnSync(wrapper, [verb], { stdio: 'inherit' })
    if (error === undefined && status === 0) continue
    // A service that is not running, or not installed, cannot be stopped: that is what was wanted.
    if (verb === 'stop' || verb === 'uninstall') continue
    const why = error === undefined ? `it ended with code ${status}` : error.message
    throw new WireGuardError('SYSTEM', `${id}: "${verb}" failed: ${why}. Run as administrator.`, { cause: error })
  }
}

function notInstalled({ id, definition }: ServiceFiles): WireGuardError {
  return new WireGuardError('NO_SUCH_INTERFACE', `there is no service ${id}: ${definition} does not exist`)
}
