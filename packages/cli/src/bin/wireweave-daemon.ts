#!/usr/bin/env node
import { daemonMain } from '../internal/daemon-main.js'

const exitCode = await daemonMain(process.argv.slice(2), process.env, {
  openBackend: async (environment, keyLog) =>
    (await import('../internal/backend.js')).daemonBackend(environment, keyLog),
})
process.exit(exitCode)
