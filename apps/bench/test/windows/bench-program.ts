/** `node bench-program.js ARGUMENTS`: the command `wireweave-bench run`, over the stand-ins for the DLLs of Windows' adapters. */
import path from 'node:path'
import { Command } from 'commander'
import { addRunCommand } from '../../src/commands/run.js'

const native = (file: string): string => path.win32.join(process.env['WIREWEAVE_NATIVE']!, file)

const program = new Command('wireweave-bench')
addRunCommand(program, {
  wintun: { dll: native('wintun-double.dll'), allowUnsigned: true, ipHelper: native('iphlp-double.dll') },
})
await program.parseAsync().catch((error: unknown) => {
  console.log(String(error))
  process.exitCode = 1
})
