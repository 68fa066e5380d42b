/** What every bind promises, run against each of them. */
import type { OpenBind } from '../../src/shell/bind.js'
import { openDgramBind } from '../../src/shell/bind-dgram.js'
import { linuxBind, linuxBindWorksHere } from '../../src/shell/bind-linux.js'
import { testBind } from './support/bind-rules.js'

const off = { segmentation: false, coalescing: false, stickySource: false, trafficClass: false }
const binds: [string, () => OpenBind][] = [['node:dgram', () => openDgramBind]]
if (linuxBindWorksHere()) {
  binds.push(['Linux', () => linuxBind()])
  binds.push(['Linux without offloads', () => linuxBind({ features: off })])
  binds.push(['Linux that receives segments one by one', () => linuxBind({ features: { coalescing: false } })])
}

for (const [name, make] of binds) testBind(name, make)
