import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Command } from 'commander'
import { expect, test } from 'vitest'
import { addHelpCommands, addTunnelCommands } from '../../src/commands/tunnels.js'
import { completionText } from '../../src/internal/completion.js'
import { manualPage } from '../../src/internal/help-command.js'
import { temporaryFolder } from '../support/temporary-folder.js'

function program(): Command {
  const root = new Command('wireweave').helpCommand(false)
  addTunnelCommands(root)
  addHelpCommands(root)
  return root
}
const commands = program().commands
const plain = (text: string): string => text

test.each(commands.map((command) => [command.name(), command] as const))(
  'help %s is a page that fits',
  (name, command) => {
    for (const width of [80, 120]) {
      const page = manualPage(command, width, plain)
      expect(page).toMatch(new RegExp(`^NAME\n    wireweave ${name} - [a-z]`))
      for (const section of ['SYNOPSIS', 'DESCRIPTION', 'EXIT STATUS']) expect(page).toContain(`\n${section}\n`)
      for (const option of command.options) expect(page).toContain(option.flags)
      const isExample = (line: string): boolean => /^ {4}wireweave /.test(line)
      for (const line of page.split('\n')) if (!isExample(line)) expect(line.length, line).toBeLessThanOrEqual(width)
    }
  },
)

test('each exit status is explained once', () => {
  const page = manualPage(
    commands.find((each) => each.name() === 'check')!,
    80,
    plain,
  )
  expect(page.match(/^ {4}1$/gm)).toHaveLength(1)
})

test.each(['bash', 'zsh', 'fish'])(
  'completion for %s knows every command and option, and the shell can read it',
  (shell) => {
    const script = completionText(program(), shell)
    for (const command of commands) {
      expect(script).toContain(command.name())
      for (const option of command.options) expect(script).toContain(option.long!.slice(2))
    }
    const file = path.join(temporaryFolder(), 'completion')
    writeFileSync(file, script)
    const checked = spawnSync(shell, ['-n', file], { encoding: 'utf8' })
    // A shell that is not there has no objection.
    if (checked.error === undefined) expect(checked).toMatchObject({ status: 0, stderr: '' })
  },
)

test('another shell is an error', () => {
  expect(() => completionText(program(), 'tcsh')).toThrow(/bash, zsh or fish/)
  expect(() => completionText(program(), 'constructor')).toThrow(/bash, zsh or fish/)
})

test.each([
  [['wireweave', 'adap'], ['adapters']],
  [['wireweave', 'up', '--kill'], ['--kill-switch']],
  [['wireweave', 'check', '--s'], ['--strict']],
  [['wireweave', 'completion', 'z'], ['zsh']],
])('in bash %j becomes %j', (words, expected) => {
  const ask = `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _wireweave; echo "\${COMPREPLY[@]}"`
  const answer = execFileSync('bash', ['-c', `${completionText(program(), 'bash')}\n${ask}`], { encoding: 'utf8' })
  expect(answer.trim().split(' ')).toEqual(expected)
})

test('in bash the name of an interface is no command', () => {
  const marker = path.join(temporaryFolder(), 'marker')
  const stub = `wireweave() { echo 'wg0 $(echo>${marker}) \`echo>${marker}\`'; }`
  const ask = `COMP_WORDS=(wireweave status ''); COMP_CWORD=2; _wireweave; echo "\${COMPREPLY[@]}"`
  const script = `${stub}\n${completionText(program(), 'bash')}\n${ask}`
  expect(execFileSync('bash', ['-c', script], { encoding: 'utf8' })).toContain('wg0')
  expect(existsSync(marker)).toBe(false)
})
