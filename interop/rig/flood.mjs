/**
 * Sends hostile datagrams: flood.mjs ADDRESS PORT junk|initiations|data PUBLIC-KEY SECONDS. Prints how many.
 * At a rate that a busy machine of two cores can both send and refuse: enough initiations to put a device under load.
 */
import { randomFillSync } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { nobleSuite } from '@wireweave/crypto/noble'

const [address, port, kind, publicKey, seconds] = process.argv.slice(2)
const sockets = Array.from({ length: 16 }, () => createSocket('udp4'))
const mac1Key = nobleSuite.hash(Buffer.from('mac1----'), Buffer.from(publicKey, 'base64'))

const RATE = { junk: 20_000, initiations: 8_000, data: 20_000 }
const JUNK_LENGTHS = [0, 1, 16, 31, 32, 33, 64, 92, 148, 149, 1452]

const make = {
  /** Three of four look like a message of a known type at first sight. */
  junk(number) {
    const bytes = randomFillSync(Buffer.alloc(JUNK_LENGTHS[number % JUNK_LENGTHS.length]))
    if (bytes.length >= 4 && number % 4 < 3) bytes.writeUInt32LE(1 + (number % 4))
    return bytes
  },
  /** The first MAC is all that a stranger can compute; one in 32 is fresh, the rest are replays of those. */
  initiations(number) {
    if (number % 32 === 0 || this.last === undefined) {
      this.last = randomFillSync(Buffer.alloc(148))
      this.last.writeUInt32LE(1)
      Buffer.from(nobleSuite.mac(mac1Key, this.last.subarray(0, 116))).copy(this.last, 116)
    }
    return this.last
  },
  data() {
    const bytes = randomFillSync(Buffer.alloc(1452))
    bytes.writeUInt32LE(4)
    return bytes
  },
}

const start = Date.now()
let sent = 0
const timer = setInterval(() => {
  const elapsed = Date.now() - start
  // What was missed is not made up for: a burst is another test.
  const due = Math.min((elapsed / 1000) * RATE[kind] - sent, RATE[kind] / 50)
  for (let i = 0; i < due; i++, sent++) sockets[sent % sockets.length].send(make[kind](sent), Number(port), address)
  if (elapsed < Number(seconds) * 1000) return
  clearInterval(timer)
  for (const socket of sockets) socket.close()
  console.log(sent)
}, 5)
