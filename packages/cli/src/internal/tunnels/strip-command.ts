/** `wireweave strip`: what `wg setconf` takes. */
import { parseDocument } from '@wireweave/config/conf-document'
import { stripConf } from '@wireweave/config/conf-format'
import { readConfFile } from 'wireweave'
import { print } from '../terminal.js'
import { warnIfReadable } from './up-notes.js'

export function stripCommand(source: string): void {
  const { text, path } = readConfFile(source)
  if (path !== null) warnIfReadable(path)
  print(stripConf(parseDocument(text)))
}
