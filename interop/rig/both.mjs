/**
 * Runs command lines by the real `wg` and by `wireweave`, one right after the other, and tells what each did. Standard
 * input has the job as JSON; standard output and standard error are files in the job's folder, `out` and `err`, because
 * `wireweave` writes to the descriptors themselves; the results go to `results.json` there.
 */
import { execFile } from 'node:child_process'
import { fstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const cli = fileURLToPath(new URL('../../packages/cli/', import.meta.url))
const { Command } = createRequire(cli)('commander')
const { addInterfaceCommands } = await import(path.join(cli, 'dist/commands/interfaces.js'))

const job = JSON.parse(readFileSync(0, 'utf8'))
for (const [name, answer] of Object.entries(job.fakes)) await serve(name, answer)

/** A command line of `wg` may have another second on the clock than ours: then both are run again. */
const ATTEMPTS = 5

const results = []
for (const one of job.shows) {
  const env = one.env ?? {}
  for (let attempt = 1; ; attempt++) {
    const before = await wg(one.args, env)
    const ours = await wireweave(one.args, env, one.byProgram)
    const theirs = before.stdout === ours.stdout ? before : await wg(one.args, env)
    if (theirs.stdout !== ours.stdout && attempt < ATTEMPTS) continue
    results.push({ theirs, ours })
    break
  }
}
for (const one of job.changes) {
  const [a, b] = job.devices
  for (const name of [a, b]) await must('wg', ['setconf', name, one.base])
  const at = (name) => one.args.map((word) => (word === 'IF' ? name : word))
  const theirs = await wg(at(a), {})
  const ours = await wireweave(at(b), {}, one.byProgram)
  const dump = async (name) => (await must('wg', ['show', name, 'dump'])).split('\n').map(inOrder).toSorted()
  results.push({ theirs: { ...theirs, dump: await dump(a) }, ours: { ...ours, dump: await dump(b) } })
}
writeFileSync(path.join(job.folder, 'results.json'), JSON.stringify(results))
process.exit(0)

/** Peers, and the allowed IPs of each, are sets: in which order they are listed depends on how they came about. */
function inOrder(line) {
  return line
    .split('\t')
    .map((cell) => cell.split(',').toSorted().join(','))
    .join('\t')
}

async function wg(args, env) {
  return run('wg', args, env)
}

async function wireweave(args, env, byProgram) {
  if (byProgram) return run(process.execPath, [path.join(cli, 'dist/bin/wireweave.js'), ...args], env)
  const marks = [fstatSync(1).size, fstatSync(2).size]
  const before = { ...process.env }
  Object.assign(process.env, env)
  process.exitCode = 0
  let code = 1
  try {
    const program = new Command('wireweave').exitOverride()
    addInterfaceCommands(program)
    await program.parseAsync(args, { from: 'user' })
    code = process.exitCode
  } catch (error) {
    process.stderr.write(`wireweave: ${error.message}\n`)
  }
  for (const key of Object.keys(env)) {
    if (before[key] === undefined) delete process.env[key]
    else process.env[key] = before[key]
  }
  const [stdout, stderr] = ['out', 'err'].map((file, i) =>
    readFileSync(path.join(job.folder, file)).toString('utf8', marks[i]),
  )
  return { code, stdout, stderr }
}

function run(file, args, env) {
  return new Promise((resolve) => {
    const options = { env: { ...process.env, ...env }, timeout: 120_000, maxBuffer: 16 * 1024 * 1024 }
    execFile(file, args, options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : (error.code ?? 'killed'), stdout, stderr }),
    )
  })
}

async function must(file, args) {
  const { code, stdout, stderr } = await run(file, args, {})
  if (code !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`)
  return stdout
}

/** A socket that gives one answer to everything, and ends the connection. */
function serve(name, answer) {
  mkdirSync('/var/run/wireguard', { recursive: true })
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.end(answer))
  })
  return new Promise((resolve) => server.listen(`/var/run/wireguard/${name}.sock`, resolve))
}
