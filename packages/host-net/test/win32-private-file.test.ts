import { expect, test } from 'vitest'
import { givesAll } from '../src/win32/private-file.js'

test.each([
  ['what Program Files hands down', 'D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)'],
  ['everybody', 'D:(A;;FR;;;WD)'],
  ['whoever has logged on', 'D:P(A;;GR;;;AU)(A;;FA;;;SY)'],
  ['users, under a condition', 'D:(XA;;FA;;;BU;(a==1))'],
  ['users, by the generic bit', 'D:(A;;0x80000000;;;BU)'],
  ['no list at all', ''],
  ['an empty list in the sense of no list', 'D:NO_ACCESS_CONTROL'],
])('all may read: %s', (_what, sddl) => expect(givesAll('read', sddl)).toBe(true))

test.each([
  ['ours', 'D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)'],
  ['one user', 'D:AI(A;ID;FA;;;S-1-5-21-1-2-3-1001)(A;ID;FA;;;SY)'],
  ['users may only run it', 'D:(A;;0x1200a0;;;BU)(A;;FX;;;WD)'],
  ['meant for files in a folder', 'D:(A;OICIIO;FA;;;BU)'],
  ['denied', 'D:(D;;FA;;;WD)(A;;FA;;;SY)'],
  ['nobody', 'D:'],
])('not all may read: %s', (_what, sddl) => expect(givesAll('read', sddl)).toBe(false))

test.each([
  ['what the root of a disk hands down', 'D:AI(A;ID;FA;;;BA)(A;ID;0x1301bf;;;AU)(A;ID;0x1200a9;;;BU)'],
  ['everybody may write', 'D:(A;;FW;;;WD)'],
  ['users may delete it and put another in its place', 'D:(A;;FRSD;;;BU)'],
  ['users may give themselves the right', 'D:(A;;0x40000;;;BU)'],
  ['no list at all', ''],
])('all may change: %s', (_what, sddl) => expect(givesAll('change', sddl)).toBe(true))

test.each([
  ['what Program Files hands down', 'D:AI(A;ID;FA;;;SY)(A;ID;FA;;;BA)(A;ID;0x1200a9;;;BU)'],
  ['users may read', 'D:(A;;FR;;;BU)(A;;FRFX;;;WD)'],
  ['ours', 'D:P(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OW)'],
])('not all may change: %s', (_what, sddl) => expect(givesAll('change', sddl)).toBe(false))
