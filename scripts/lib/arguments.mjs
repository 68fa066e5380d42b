/** Arguments of a script whose help is the comment at its top. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

export function wholeNumber(name, text) {
  if (!/^\d{1,15}$/.test(text)) {
    console.error(`${name} takes a whole number, not "${text}"`)
    process.exit(1)
  }
  return Number(text)
}

/** Of the script at `url`, its own `import.meta.url`. Prints the help and ends when asked or when asked wrongly. */
export function readArguments(url, config) {
  try {
    const parsed = parseArgs({ ...config, options: { ...config.options, help: { type: 'boolean', default: false } } })
    if (!parsed.values.help) return parsed
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
  const text = readFileSync(fileURLToPath(url), 'utf8')
  console.log(text.slice(text.indexOf(' * ') + 3, text.indexOf(' */')).replaceAll(/^ \* ?/gm, ''))
  process.exit()
}
