/** As much of HTTP as a GET needs: version 1.0, so that the answer ends with the connection. */
import type { Connection } from '@wireweave/adapter-netstack/stack'
import { parseIp } from '@wireweave/tunnel/ip'
import type { BrowserTunnel } from './tunnel.js'

/** The host is an address: asking a name server would take a query by UDP, which the stack can carry, too. */
export async function get(tunnel: BrowserTunnel, url: URL): Promise<Response> {
  const remote = parseIp(url.hostname.replaceAll(/[[\]]/g, ''))
  if (url.protocol !== 'http:' || remote === null) throw new Error('only http:// and an IP address work here')
  const request = `GET ${url.pathname}${url.search} HTTP/1.0\r\nHost: ${url.host}\r\n\r\n`
  return parseResponse(await exchange(tunnel, remote, Number(url.port || 80), new TextEncoder().encode(request)))
}

/** Sends `request`; resolves with everything that came until the other side closed. */
function exchange(tunnel: BrowserTunnel, remote: Uint8Array, port: number, request: Uint8Array): Promise<Blob> {
  return new Promise((resolve, reject) => {
    const parts: Uint8Array<ArrayBuffer>[] = []
    const connection = tunnel.connect(remote, port, {
      onConnect: () => void (connection as Connection).write(request),
      onReadable() {
        const part = new Uint8Array((connection as Connection).readableBytes)
        ;(connection as Connection).read(part)
        parts.push(part)
      },
      onWritable: () => undefined,
      onEnd: () => (connection as Connection).shutdown(),
      onClose: (error) => (error === null ? resolve(new Blob(parts)) : reject(new Error(error))),
    })
    if (typeof connection === 'string') reject(new Error(connection))
  })
}

async function parseResponse(answer: Blob): Promise<Response> {
  const bytes = new Uint8Array(await answer.arrayBuffer())
  // Latin-1: a character for each byte, so that places in the text are places in the bytes.
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 65536))
  const end = text.indexOf('\r\n\r\n')
  const [first, ...lines] = text.slice(0, Math.max(0, end)).split('\r\n')
  const status = /^HTTP\/1\.\d (?<code>\d{3}) ?(?<reason>.*)$/.exec(first ?? '')
  if (status === null) throw new Error('that was no answer of HTTP')
  const headers = new Headers(lines.map((line) => splitHeader(line)))
  const body = bytes.subarray(end + 4)
  const wanted = headers.get('content-length')
  if (wanted !== null && Number(wanted) !== body.length) throw new Error(`${body.length} of ${wanted} bytes came`)
  return new Response(body, { status: Number(status[1]), statusText: status[2] ?? '', headers })
}

function splitHeader(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon), line.slice(colon + 1).trim()]
}
