/** Headless Chromium by its DevTools protocol over a pipe: JSON messages that end in a zero byte. */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Readable, Writable } from 'node:stream'

interface Message {
  readonly id?: number
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
}

/** One page in a browser of its own. */
export class Browser implements AsyncDisposable {
  /** What the page complained about: console errors, exceptions, requests that failed. */
  readonly complaints: string[] = []
  readonly #child: ChildProcess
  readonly #profile: string
  readonly #waiting = new Map<number, { resolve(message: Message): void; reject(error: Error): void }>()
  readonly #events: { method: string; resolve(): void }[] = []
  #next = 1
  #session: string | null = null
  #pending = ''

  private constructor(program: string) {
    this.#profile = mkdtempSync(path.join(tmpdir(), 'wireweave-browser-'))
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run']
    const quiet = ['--disable-background-networking', '--disable-component-update', '--hide-scrollbars']
    this.#child = spawn(
      program,
      [...flags, ...quiet, `--user-data-dir=${this.#profile}`, '--remote-debugging-pipe', 'about:blank'],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], detached: true },
    )
    const output = this.#child.stdio[4] as Readable
    output.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    const ended = new Error('the browser ended')
    this.#child.once('error', (error) => this.#fail(error))
    this.#child.once('close', () => this.#fail(ended))
    for (const stream of this.#child.stdio) stream?.on('error', () => {})
  }

  static async open(program: string): Promise<Browser> {
    const browser = new Browser(program)
    const { targetInfos } = (await browser.#send('Target.getTargets')) as { targetInfos: TargetInfo[] }
    const { targetId } = targetInfos.find(({ type }) => type === 'page')!
    const attached = await browser.#send('Target.attachToTarget', { targetId, flatten: true })
    browser.#session = attached['sessionId'] as string
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await browser.#send(`${domain}.enable`)
    return browser
  }

  async show(url: string, width: number, height: number, scheme: 'light' | 'dark'): Promise<void> {
    await this.#send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 500 })
    await this.#send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value: scheme }],
    })
    const loaded = new Promise<void>((resolve) => this.#events.push({ method: 'Page.loadEventFired', resolve }))
    await this.#send('Page.navigate', { url })
    await loaded
  }

  /** The value of an expression in the page. */
  async evaluate<T>(expression: string): Promise<T> {
    const answer = await this.#send('Runtime.evaluate', { expression, returnByValue: true })
    const { result, exceptionDetails } = answer as { result: { value: T }; exceptionDetails?: { text: string } }
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${exceptionDetails.text}`)
    return result.value
  }

  /** The page as PNG, or a part of it, from `top` down. */
  async screenshot(
    part: { readonly top: number; readonly width: number; readonly height: number } | null = null,
  ): Promise<Buffer> {
    const clip = part === null ? {} : { clip: { x: 0, y: part.top, width: part.width, height: part.height, scale: 1 } }
    const { data } = await this.#send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true, ...clip })
    return Buffer.from(data as string, 'base64')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid, exitCode, signalCode } = this.#child
    if (exitCode === null && signalCode === null) {
      const exited = new Promise((resolve) => this.#child.once('exit', resolve))
      // The whole group: helpers outlive a browser that is killed, and hold its pipes and its profile.
      if (pid !== undefined) process.kill(-pid, 'SIGKILL')
      await exited
    }
    for (const stream of this.#child.stdio) stream?.destroy()
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }

  #send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = this.#next++
    const session = this.#session === null ? {} : { sessionId: this.#session }
    const input = this.#child.stdio[3] as Writable
    return new Promise<Message>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      input.write(`${JSON.stringify({ id, method, params, ...session })}\0`)
    }).then(({ result, error }) => {
      if (error !== undefined) throw new Error(`${method}: ${error.message}`)
      return result ?? {}
    })
  }

  #read(text: string): void {
    const parts = (this.#pending + text).split('\0')
    this.#pending = parts.pop()!
    for (const part of parts) this.#take(JSON.parse(part) as Message)
  }

  #take(message: Message): void {
    if (message.id !== undefined) {
      this.#waiting.get(message.id)?.resolve(message)
      this.#waiting.delete(message.id)
      return
    }
    const complaint = complaintOf(message)
    if (complaint !== null) this.complaints.push(complaint)
    const at = this.#events.findIndex(({ method }) => method === message.method)
    if (at >= 0) this.#events.splice(at, 1)[0]!.resolve()
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

interface TargetInfo {
  readonly targetId: string
  readonly type: string
}

function complaintOf({ method, params }: Message): string | null {
  const isBad =
    method === 'Runtime.exceptionThrown' || method === 'Network.loadingFailed' || method === 'Log.entryAdded'
  const isConsole = method === 'Runtime.consoleAPICalled' && ['error', 'warning'].includes(String(params?.['type']))
  return isBad || isConsole ? JSON.stringify(params) : null
}
