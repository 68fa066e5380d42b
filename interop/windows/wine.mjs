/** Windows' node.exe under Wine, in a prefix and a network namespace of its own. */
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeMirror } from './mirror.mjs'
import { prepare } from './prepare.mjs'

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')

/** The path of a file as a Windows program sees it. */
function windowsPath(file) {
  return `Z:${path.resolve(file).replaceAll('/', '\\')}`
}

export class Wine {
  /** The sources as JavaScript; paths below are relative to it. */
  mirror
  #prepared
  #folder
  #env
  #wrap
  #runs = 0

  /** `wrap` is put before every command: the machine's sockets are where its first program was started. */
  static async start(wrap = []) {
    const wine = new Wine()
    wine.#wrap = wrap
    try {
      wine.#begin()
      await makeMirror(wine.mirror, wine.#prepared.modules)
    } catch (error) {
      wine.stop()
      throw error
    }
    return wine
  }

  /** A prefix is one Windows machine: runs at the same time share what is installed, not its processes and registry. */
  #begin() {
    this.#prepared = prepare()
    this.#folder = mkdtempSync(path.join(tmpdir(), 'wireweave-windows-'))
    mkdirSync(path.join(root, 'build'), { recursive: true })
    this.mirror = mkdtempSync(path.join(root, 'build/windows-'))
    const prefix = path.join(this.#folder, 'prefix')
    mkdirSync(prefix)
    for (const name of ['system.reg', 'user.reg', 'userdef.reg', '.update-timestamp', 'dosdevices']) {
      cpSync(path.join(this.#prepared.prefix, name), path.join(prefix, name), {
        recursive: true,
        verbatimSymlinks: true,
      })
    }
    symlinkSync(path.join(this.#prepared.prefix, 'drive_c'), path.join(prefix, 'drive_c'))
    this.#env = {
      ...process.env,
      ...this.#prepared.wineEnv,
      WINEPREFIX: prefix,
      WIREWEAVE_NATIVE: windowsPath(this.#prepared.native),
      NODE_OPTIONS: '',
      NO_COLOR: '1',
    }
  }

  get nodes() {
    return Object.keys(this.#prepared.nodes)
  }

  /**
   * Runs a module of the mirror. `output` is what it wrote; `code` is 124 when `seconds` were over. Wine cannot give
   * node.exe a pipe: what it writes goes to a file.
   */
  async run(major, module, args = [], { seconds = 600, env = {} } = {}) {
    const file = path.join(this.#folder, `output-${this.#runs++}.txt`)
    const output = openSync(file, 'w')
    const command = [...this.#wrap, 'timeout', '-k', '5', String(seconds), 'wine', this.#prepared.nodes[major]]
    const script = windowsPath(path.join(this.mirror, module))
    const child = spawn(command[0], [...command.slice(1), script, ...args], {
      cwd: this.mirror,
      env: { ...this.#env, ...env },
      stdio: ['ignore', output, output],
    })
    const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
    closeSync(output)
    return { code: code ?? 125, output: readFileSync(file, 'utf8').replaceAll('\r\n', '\n') }
  }

  /** Ends every process of this prefix. */
  stop() {
    try {
      if (this.#env !== undefined) {
        execFileSync('wineserver', ['-k'], { env: this.#env, stdio: 'ignore', timeout: 60_000 })
        execFileSync('wineserver', ['-w'], { env: this.#env, stdio: 'ignore', timeout: 60_000 })
      }
    } catch {
      // None was running.
    }
    for (const folder of [this.mirror, this.#folder]) {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true })
    }
  }
}
