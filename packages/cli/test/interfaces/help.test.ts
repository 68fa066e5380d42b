import { Command } from 'commander'
import { expect, test } from 'vitest'
import { addInterfaceCommands } from '../../src/commands/interfaces.js'
import { manualPage } from '../../src/internal/help-command.js'
import { INTERFACE_MANUALS } from '../../src/internal/interfaces/manuals.js'

const program = new Command('wireweave').helpCommand(false)
addInterfaceCommands(program)

test.each(program.commands.map((command) => [command.name(), command] as const))(
  'help %s is a page that fits, with examples',
  (name, command) => {
    expect(INTERFACE_MANUALS[name]!.examples!.length).toBeGreaterThan(0)
    for (const width of [80, 120]) {
      const page = manualPage(command, width, (text) => text)
      expect(page).toContain(`    wireweave ${name} `)
      expect(page).toMatch(/\nEXAMPLES\n {4}\S/)
      const [body] = page.split('\nEXAMPLES\n')
      for (const line of body!.split('\n')) expect(line.length, line).toBeLessThanOrEqual(width)
    }
  },
)
