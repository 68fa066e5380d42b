/**
 * A server of this machine, shown to the peers of the tunnel, as `ssh -R` does.
 * Usage: node examples/reverse-forward.mjs wg0.conf PORT_OF_THE_TUNNEL HOST PORT
 */
import { openProxy } from '@wireweave/proxy/proxy'
import { openNetstackTunnel } from 'wireweave'

const [config, port, host, targetPort] = process.argv.slice(2)
const tunnel = await openNetstackTunnel({ config })
const proxy = await openProxy(tunnel, {
  services: [{ kind: 'reverse', protocol: 'tcp', port: Number(port), target: { host, port: Number(targetPort) } }],
  limits: { connections: 100 },
})
console.log(`port ${proxy.services[0].port} of the tunnel leads to ${host}:${targetPort}`)

process.once('SIGINT', async () => {
  await proxy.close()
  await tunnel.close()
})
