/** `wireweave save`. */
import { locateConf, save } from 'wireweave'
import { say } from '../terminal.js'

export async function saveCommand(source: string): Promise<void> {
  const { file } = locateConf(source)
  say((await save({ config: source })) ? `[#] wrote ${file}` : `[#] ${file} says all of it already`)
}
