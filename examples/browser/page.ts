/** The page: a configuration and an address in, what the other side of the tunnel answers out. */
import { parseConf } from '@wireweave/config/conf'
import { get } from './http-client.js'
import { BrowserTunnel } from './tunnel.js'

const form = document.querySelector('form')!
const state = document.querySelector('output')!
const answer = document.querySelector('pre')!
const field = (name: string): HTMLInputElement => form.elements.namedItem(name) as HTMLInputElement

let open: { readonly text: string; readonly tunnel: BrowserTunnel } | null = null

form.addEventListener('submit', (event) => {
  event.preventDefault()
  state.textContent = 'waiting'
  answer.textContent = ''
  show().catch((error: Error) => (state.textContent = `failed: ${error.message}`))
})

if (location.hash.length > 1) {
  field('conf').value = decodeURIComponent(location.hash.slice(1))
  // A private key has no place in the history.
  history.replaceState(null, '', location.pathname)
  form.requestSubmit()
}

async function show(): Promise<void> {
  const tunnel = await tunnelOf(field('conf').value)
  const response = await get(tunnel, new URL(field('url').value))
  const body = await response.arrayBuffer()
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', body))
  const hex = Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
  answer.textContent = new TextDecoder().decode(body.slice(0, 2000))
  state.textContent = `${response.status} ${response.statusText}, ${body.byteLength} bytes, SHA-256 ${hex}`
}

/** The one that is open, while its configuration stays the same. */
async function tunnelOf(text: string): Promise<BrowserTunnel> {
  if (open?.text === text && open.tunnel.isOpen) return open.tunnel
  open?.tunnel.close()
  open = null
  const tunnel = await BrowserTunnel.open(parseConf(text, 'configuration'), new URL('/wireguard', location.href))
  open = { text, tunnel }
  return tunnel
}
