import { parseIp } from '@wireweave/tunnel/ip'
import { expect, test } from 'vitest'
import { antiSpoof, iptablesRemoval, tablesOf } from '../src/linux/firewall.js'

const addresses = [parseIp('10.0.0.2')!, parseIp('10.1.0.2')!]

test('iptables rules are taken back by the same text with -D', () => {
  const { do: add, undo } = antiSpoof('wg0', 4, addresses, 51820, { tool: 'iptables', directory: '/usr/sbin' })
  if (add.tag !== 'command' || undo?.tag !== 'command') throw new Error('these are commands')
  expect(add.program).toBe('/usr/sbin/iptables-restore')
  expect(add.input).toContain('-I PREROUTING ! -i wg0 -d 10.1.0.2 -m addrtype ! --src-type LOCAL -j DROP')
  expect(add.input).toContain('-I POSTROUTING -m mark --mark 51820 -p udp -j CONNMARK --save-mark')
  expect(undo.input).toBe(add.input.replaceAll('-I ', '-D '))
})

test('rules of one interface are found among those of others', () => {
  const mine = '-A PREROUTING -d 10.0.0.2/32 ! -i wg0 -m comment --comment "wg-quick(8) rule for wg0" -j DROP'
  const others = mine.replaceAll('wg0', 'wg01')
  const saved = `# comment\n*raw\n:PREROUTING ACCEPT [1:2]\n${mine}\n${others}\nCOMMIT\n`
  expect(iptablesRemoval(saved, 'wg0')).toBe(`*raw\n${mine.replace('-A', '-D')}\nCOMMIT\n`)
  expect(iptablesRemoval(saved, 'wg')).toBe('')
})

test('a name with signs that nft does not know has tables of its own', () => {
  const names = ['wg0', 'a=b', 'a+b', 'a.b', 'a-b', 'a_b'].map((name) => tablesOf(name)[0])
  expect(new Set(names).size).toBe(names.length)
  for (const name of names) expect(name).toMatch(/^ip [a-zA-Z][a-zA-Z0-9/_.-]*$/)
})

test('a table replaces one that a killed run left', () => {
  const { do: add, undo } = antiSpoof('wg0', 6, [parseIp('fd00::2')!], 7, { tool: 'nft', program: 'nft' })
  if (add.tag !== 'command' || undo?.tag !== 'command') throw new Error('these are commands')
  expect(add.input.startsWith(undo.input)).toBe(true)
  expect(add.input).toContain('iifname != "wg0" ip6 daddr fd00::2 fib saddr type != local drop')
})
