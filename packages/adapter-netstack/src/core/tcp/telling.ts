/** Tells handlers what happened to their connections. */
import { abortConnection } from './closing.js'
import { type Connection, CONNECTED, ENDED, GONE, READABLE, WRITABLE } from './connection.js'
import type { Tcp } from './tcp.js'

/** Until there is no news. An exception of a handler goes to `onError`: it must not stop the others, nor the packets. */
export function tellHandlers(tcp: Tcp, onError: (error: unknown) => void): void {
  for (let connection = tcp.takeNews(); connection !== null; connection = tcp.takeNews()) {
    try {
      tell(tcp, connection)
    } catch (error) {
      onError(error)
    }
  }
}

function tell(tcp: Tcp, connection: Connection): void {
  const { events } = connection
  connection.events = 0
  if (events & CONNECTED) {
    if (connection.isPassive) offer(tcp, connection)
    else connection.handler?.onConnect()
  }
  if (events & READABLE && connection.receiveBuffer.length > 0) connection.handler?.onReadable()
  if (events & ENDED) connection.handler?.onEnd()
  if (events & WRITABLE) connection.handler?.onWritable()
  if (events & GONE) {
    const { handler } = connection
    connection.handler = null
    handler?.onClose(connection.error)
  }
}

function offer(tcp: Tcp, connection: Connection): void {
  const { local, localPort } = connection
  const listener = connection.isOpen ? tcp.listenerFor(local, 0, local.length, localPort) : null
  listener?.handler.onConnection(connection)
  if (connection.handler === null && !connection.readClosed) abortConnection(tcp, connection)
}
