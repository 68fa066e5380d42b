/** The Linux end of the traffic in tunnel.mjs: echoes numbered datagrams, then pings, then says that it is enough. */
import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { promisify } from 'node:util'

const { echoPort, packets } = JSON.parse(process.argv[2])
const WINDOWS = '10.77.0.2'
const PINGS = 5
const STOP = Buffer.alloc(4, 0xff)

const found = { received: 0, outOfOrder: 0, pings: 'none answered' }
const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20, sendBufferSize: 4 << 20 })
socket.on('message', (datagram, from) => {
  if (datagram.readUInt32BE(0) !== found.received++) found.outOfOrder++
  socket.send(datagram, from.port, from.address)
  if (found.received === packets) void finish()
})
socket.bind(echoPort)

async function finish() {
  try {
    for (let i = 0; i < PINGS; i++) await promisify(execFile)('ping', ['-c', '1', '-W', '10', WINDOWS])
    found.pings = 'all answered'
  } catch (error) {
    found.pings = String(error.stdout ?? error)
  }
  // A datagram can be lost; the other end needs one of them.
  for (let i = 0; i < 3; i++) await promisify(socket.send.bind(socket))(STOP, echoPort, WINDOWS)
  socket.close()
  console.log(JSON.stringify(found))
}
