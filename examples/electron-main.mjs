/**
 * The main process of an Electron application whose windows reach a private network, without root, driver or installer.
 * Chromium goes through an HTTP proxy on loopback; names are resolved in the tunnel.
 * Usage: electron examples/electron-main.mjs wg0.conf [URL]
 */
import { randomBytes } from 'node:crypto'
import { app, BrowserWindow, powerMonitor } from 'electron'
import { openProxy } from '@wireweave/proxy/proxy'
import { openNetstackTunnel } from 'wireweave'

const [config, url = 'http://10.0.0.1/'] = process.argv.slice(2)
await app.whenReady()
const tunnel = await openNetstackTunnel({ config })
// Other programs of this machine see the port too: only who knows the password comes in. Chromium can say one to an HTTP
// proxy, not to SOCKS.
const credentials = { username: 'app', password: randomBytes(16).toString('hex') }
const proxy = await openProxy(tunnel, { services: [{ kind: 'http', host: '127.0.0.1', port: 0, credentials }] })
const { address, port } = proxy.services[0]
app.on('login', (event, _webContents, _details, { isProxy, host, port: asking }, answer) => {
  if (!isProxy || host !== address || asking !== port) return
  event.preventDefault()
  answer(credentials.username, credentials.password)
})

const window = new BrowserWindow({ webPreferences: { sandbox: true } })
// Chromium leaves loopback out by itself; nothing else goes around.
await window.webContents.session.setProxy({ proxyRules: `http://${address}:${port}`, proxyBypassRules: '' })
await window.loadURL(url)

// After sleep the network is another one: forget old paths and shake hands at once, instead of after a timeout.
powerMonitor.on('resume', () => void tunnel.tunnel.networkChanged())

app.on('window-all-closed', async () => {
  await proxy.close()
  await tunnel.close()
  app.quit()
})
