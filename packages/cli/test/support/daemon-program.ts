/** `wireweave-daemon` over tunnels that carry nothing, with its socket in the folder that `UAPI_FOLDER` names. */
import { daemonMain } from '../../src/internal/daemon-main.js'
import { FakeBackend } from './fake-tunnel.js'

const backend = new FakeBackend()
if (process.env['FAIL']) backend.failure = new Error(process.env['FAIL'])

const exitCode = await daemonMain(process.argv.slice(2), process.env, {
  openBackend: async (environment) => {
    if (process.env['CRASH']) process.kill(process.pid, 'SIGKILL')
    process.stdout.write(`TUN descriptor ${environment.tunFd}\n`)
    return backend
  },
  uapiFolder: process.env['UAPI_FOLDER']!,
})
process.exit(exitCode)
