import { bind } from '@wireweave/ffi/library'
import { expect, test } from 'vitest'

test('a function of kernel32 is called', () => {
  const kernel32 = bind('C:\\windows\\system32\\kernel32.dll', { pid: ['GetCurrentProcessId', 'uint32_t', []] })
  expect(kernel32.pid()).toBe(process.pid)
})
