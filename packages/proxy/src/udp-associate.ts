/** UDP ASSOCIATE (RFC 1928 §4, §7): datagrams of one client, as long as its connection lives. */
import type { Socket } from 'node:net'
import { withoutMapping } from './address.js'
import type { Context } from './context.js'
import type { Target } from './dialer.js'
import { HostDatagrams } from './host-datagrams.js'
import type { Door } from './limits.js'
import { Names } from './names.js'
import { isAddress, readDatagram, REPLY, writeDatagram, writeReply } from './socks-messages.js'

/** Datagrams to names that are being looked up; more are dropped, as by any network. */
const MOST_WAITING = 32

/** `announced` is where the client says it will send from; zeros when it does not know. */
export async function associate(context: Context, places: Door, socket: Socket, announced: Target): Promise<void> {
  const { stats, dialer } = context
  if (!places.take()) {
    stats.refused++
    socket.end(writeReply(REPLY.failure, undefined, undefined))
    socket.resume()
    return
  }
  socket.once('close', () => places.give())
  const client = withoutMapping(socket.remoteAddress ?? '')
  const inner = dialer.udp({})
  socket.once('close', () => inner.close())
  const outer = await HostDatagrams.bind({ host: withoutMapping(socket.localAddress ?? ''), port: 0 })
  socket.once('close', () => outer.close())
  if (socket.destroyed) {
    outer.close()
    return
  }
  const names = new Names(context)
  let waiting = 0
  const lookup = async (name: string): Promise<string> => {
    if (waiting >= MOST_WAITING) throw new Error('too many datagrams wait')
    waiting++
    return names.lookup(name).finally(() => waiting--)
  }
  // The first port that the client sends from is its port: nobody else on its machine joins in later.
  let port = announced.port
  outer.on('message', (bytes, from) => {
    if (withoutMapping(from.address) !== client || (port !== 0 && from.port !== port)) {
      stats.datagramsDropped++
      return
    }
    const datagram = readDatagram(bytes)
    if (datagram === null) {
      stats.datagramsDropped++
      return
    }
    port = from.port
    const send = async (address: string): Promise<void> => {
      await inner.send(datagram.data, datagram.port, address)
      stats.datagramsSent++
    }
    const sent = isAddress(datagram.host) ? send(datagram.host) : lookup(datagram.host).then(send)
    sent.catch(() => stats.datagramsDropped++)
  })
  // Whoever sends to our port may: the client sees in the header who it was.
  inner.on('message', (data, from) => {
    if (port === 0) return
    stats.datagramsReceived++
    outer.send(writeDatagram(data, from), port, client).catch(() => stats.datagramsDropped++)
  })
  const { address, port: ours } = outer.address()
  socket.write(writeReply(REPLY.succeeded, address, ours))
  // Nothing more is said on it; its end ends the association.
  socket.resume()
  socket.once('end', () => socket.destroy())
}
