#!/usr/bin/env node
/**
 * Boots a Debian kernel, which has what this machine's may lack (WireGuard, netem, IPsec), under software emulation, and
 * runs a bash script in it. The host's files are there, read-only under an overlay that vanishes.
 *
 *   node interop/kernel-vm/run.mjs SCRIPT [SECONDS]
 *
 * Prints the console, exits with the script's code; 124 when SECONDS (default 300) are over.
 */
import { execFileSync, spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const here = path.dirname(fileURLToPath(import.meta.url))

/** @returns {Promise<{code: number, console: string}>} */
export function runInKernel(script, seconds = 300, onOutput = () => {}) {
  const prepared = execFileSync(path.join(here, 'prepare.sh'), { encoding: 'utf8' })
  const [kernel, initrd, modules] = prepared.trim().split(' ')
  const words = `modules=${modules} job=${path.resolve(script)}`
  const qemu = spawn('qemu-system-x86_64', [
    ...['-machine', 'q35,accel=tcg', '-cpu', 'max,la57=off', '-smp', '2', '-m', '2048', '-nographic', '-no-reboot'],
    ...['-kernel', kernel, '-initrd', initrd],
    ...['-virtfs', 'local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap'],
    ...['-append', `console=ttyS0 quiet panic=-1 random.trust_cpu=on ${words}`],
  ])
  let console = ''
  let late = false
  const timer = setTimeout(() => {
    late = true
    qemu.kill('SIGKILL')
  }, seconds * 1000)
  qemu.stdin.end()
  for (const stream of [qemu.stdout, qemu.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      console += text
      onOutput(text)
    })
  }
  return new Promise((resolve, reject) => {
    qemu.once('error', (error) => {
      clearTimeout(timer)
      reject(new Error(`qemu-system-x86_64 could not be started (apt-get install qemu-system-x86): ${error.message}`))
    })
    qemu.once('close', () => {
      clearTimeout(timer)
      const match = /kernel-vm: job exited with (\d+)/.exec(console)
      resolve({ code: late ? 124 : match ? Number(match[1]) : 125, console })
    })
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [script, seconds] = process.argv.slice(2)
  if (script === undefined) {
    console.error('usage: run.mjs SCRIPT [SECONDS]')
    process.exit(2)
  }
  const { code } = await runInKernel(script, seconds === undefined ? 300 : Number(seconds), (text) =>
    process.stdout.write(text),
  )
  process.exit(code)
}
