/** Bytes through TCP between two namespaces, by child processes: the receiver tells the hash of what it got. */
import { createHash } from 'node:crypto'
import { run } from './rig.js'

/** The same bytes in sender and checker: blocks of a keystream that starts anew at each block. */
const SENDER = `
const [host, port, megabytes] = process.argv.slice(1)
const { createHash } = require('node:crypto')
const block = createHash('shake256', { outputLength: 1 << 20 }).update('wireweave').digest()
const socket = require('node:net').connect(Number(port), host, () => {
  let sent = 0
  const next = () => {
    while (sent < Number(megabytes)) {
      block.writeUInt32LE(sent++)
      if (!socket.write(Buffer.from(block))) return socket.once('drain', next)
    }
    socket.end()
  }
  next()
})
socket.on('error', (error) => { console.error(error.message); process.exit(1) })
socket.on('close', () => process.exit(0))
socket.resume()
`
const RECEIVER = `
const [host, port] = process.argv.slice(1)
const hash = require('node:crypto').createHash('sha256')
require('node:net').createServer((socket) => {
  socket.on('data', (data) => hash.update(data))
  socket.on('end', () => { console.log(hash.digest('hex')); socket.end(); process.exit(0) })
}).listen(Number(port), host, () => console.error('listening'))
`

let nextPort = 20_000

/** Sends that many megabytes from `inside[0]` to `address` in `inside[1]`; true when every byte arrived as it was. */
export async function transfer(
  inside: readonly [string, string],
  address: string,
  megabytes: number,
): Promise<boolean> {
  const port = String(nextPort++)
  const received = run(inside[1], 60, process.execPath, '-e', RECEIVER, address, port)
  const sent = retry(() => run(inside[0], 60, process.execPath, '-e', SENDER, address, port, String(megabytes)))
  const [hash] = await Promise.all([received, sent])
  return hash.trim() === expected(megabytes)
}

/** The receiver may not listen yet. */
async function retry<T>(action: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    await new Promise((resolve) => setTimeout(resolve, 300))
    try {
      return await action()
    } catch (error) {
      if (attempt === 10 || !String(error).includes('ECONNREFUSED')) throw error
    }
  }
}

function expected(megabytes: number): string {
  const block = createHash('shake256', { outputLength: 1 << 20 })
    .update('wireweave')
    .digest()
  const hash = createHash('sha256')
  for (let i = 0; i < megabytes; i++) {
    block.writeUInt32LE(i)
    hash.update(block)
  }
  return hash.digest('hex')
}
