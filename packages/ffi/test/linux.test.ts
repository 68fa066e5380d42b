import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as errno from '../src/errno.js'
import * as linux from '../src/linux.js'
import { checkLayout, fieldsOf, type StructLayout } from '../src/struct.js'

/** Our struct's name to C's, and the fields whose C names differ from ours. */
const structs: Record<string, [layout: StructLayout, c: string, fields: Record<string, string>]> = {
  IOVEC: [linux.IOVEC, 'struct iovec', { base: 'iov_base', len: 'iov_len' }],
  SOCKADDR_IN: [linux.SOCKADDR_IN, 'struct sockaddr_in', { family: 'sin_family', port: 'sin_port', addr: 'sin_addr' }],
  SOCKADDR_IN6: [
    linux.SOCKADDR_IN6,
    'struct sockaddr_in6',
    {
      family: 'sin6_family',
      port: 'sin6_port',
      flowinfo: 'sin6_flowinfo',
      addr: 'sin6_addr',
      scopeId: 'sin6_scope_id',
    },
  ],
  MSGHDR: [
    linux.MSGHDR,
    'struct msghdr',
    {
      name: 'msg_name',
      namelen: 'msg_namelen',
      iov: 'msg_iov',
      iovlen: 'msg_iovlen',
      control: 'msg_control',
      controllen: 'msg_controllen',
      flags: 'msg_flags',
    },
  ],
  MMSGHDR: [linux.MMSGHDR, 'struct mmsghdr', { hdr: 'msg_hdr', len: 'msg_len' }],
  CMSGHDR: [linux.CMSGHDR, 'struct cmsghdr', { len: 'cmsg_len', level: 'cmsg_level', type: 'cmsg_type' }],
  IN_PKTINFO: [
    linux.IN_PKTINFO,
    'struct in_pktinfo',
    { ifindex: 'ipi_ifindex', specDst: 'ipi_spec_dst', addr: 'ipi_addr' },
  ],
  IN6_PKTINFO: [linux.IN6_PKTINFO, 'struct in6_pktinfo', { addr: 'ipi6_addr', ifindex: 'ipi6_ifindex' }],
  IFREQ: [
    linux.IFREQ,
    'struct ifreq',
    { name: 'ifr_name', flags: 'ifr_flags', mtu: 'ifr_mtu', ifindex: 'ifr_ifindex' },
  ],
  VIRTIO_NET_HDR: [
    linux.VIRTIO_NET_HDR,
    'struct virtio_net_hdr',
    {
      flags: 'flags',
      gsoType: 'gso_type',
      hdrLen: 'hdr_len',
      gsoSize: 'gso_size',
      csumStart: 'csum_start',
      csumOffset: 'csum_offset',
    },
  ],
  SOCKADDR_NL: [linux.SOCKADDR_NL, 'struct sockaddr_nl', { family: 'nl_family', pid: 'nl_pid', groups: 'nl_groups' }],
  NLMSGHDR: [
    linux.NLMSGHDR,
    'struct nlmsghdr',
    { len: 'nlmsg_len', type: 'nlmsg_type', flags: 'nlmsg_flags', seq: 'nlmsg_seq', pid: 'nlmsg_pid' },
  ],
  IFINFOMSG: [
    linux.IFINFOMSG,
    'struct ifinfomsg',
    { family: 'ifi_family', type: 'ifi_type', index: 'ifi_index', flags: 'ifi_flags', change: 'ifi_change' },
  ],
  TIMESPEC: [linux.TIMESPEC, 'struct timespec', { sec: 'tv_sec', nsec: 'tv_nsec' }],
}

/** Every exported number is a C constant of the same name. */
const constants = Object.entries<unknown>({ ...linux, ...errno }).filter(
  (entry): entry is [string, number] => typeof entry[1] === 'number',
)

const includes = `
#define _GNU_SOURCE
#include <stddef.h>
#include <stdio.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <time.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/ioctl.h>
#include <netinet/in.h>
#include <net/if.h>
#include <linux/sockios.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/udp.h>
`

/** Newer than some machines' headers; the values are fixed by the kernel's ABI. */
const newer = `
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif
#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif
`

function gccMissing(): string | null {
  if (process.platform !== 'linux') return 'not Linux'
  try {
    execFileSync('gcc', ['--version'], { stdio: 'ignore', timeout: 10_000 })
    return null
  } catch {
    return 'gcc is missing (apt-get install gcc libc6-dev linux-libc-dev)'
  }
}

const missing = gccMissing()
const mustRun = process.platform === 'linux' && Boolean(process.env['CI'] || process.env['WIREWEAVE_NO_SKIP'])
if (missing !== null && mustRun) throw new Error(`${missing}, and nothing may be skipped`)
if (missing !== null) console.warn(`skipped: ${missing}`)

describe.skipIf(missing !== null)('what the C compiler says', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wireweave-ffi-'))
  const real = new Map<string, number>()
  afterAll(() => rmSync(folder, { recursive: true }))

  beforeAll(() => {
    const lines = constants.map(([name]) => print(name, name))
    for (const [name, [layout, c, fields]] of Object.entries(structs)) {
      lines.push(print(name, `sizeof(${c})`))
      for (const [field] of fieldsOf(layout)) lines.push(print(`${name}.${field}`, `offsetof(${c}, ${fields[field]})`))
    }
    for (const bytes of [1, 2, 4, 8, 12, 20]) {
      lines.push(
        print(`cmsgLength(${bytes})`, `CMSG_LEN(${bytes})`),
        print(`cmsgSpace(${bytes})`, `CMSG_SPACE(${bytes})`),
      )
    }
    const source = join(folder, 'abi.c')
    const program = join(folder, 'abi')
    writeFileSync(source, `${includes}${newer}int main(void) {\n${lines.join('\n')}\nreturn 0; }\n`)
    execFileSync('gcc', ['-o', program, source], { timeout: 60_000 })
    for (const line of execFileSync(program, { encoding: 'utf8', timeout: 10_000 }).trim().split('\n')) {
      const [name, value] = line.split('=')
      real.set(name!, Number(value))
    }
  }, 90_000)

  it('has the size and every offset of each struct', () => {
    for (const [name, [layout]] of Object.entries(structs)) {
      expect(layout.size, name).toBe(real.get(name))
      for (const [field, offset] of fieldsOf(layout)) {
        expect(offset, `${name}.${field}`).toBe(real.get(`${name}.${field}`))
      }
    }
  })

  it('has the value of each constant', () => {
    expect(constants.length).toBeGreaterThan(80)
    for (const [name, value] of constants) expect(value, name).toBe(real.get(name))
  })

  it('checks every struct that is exported', () => {
    const exported = Object.entries(linux).filter(([, value]) => typeof value === 'object')
    expect(exported.map(([name]) => name).sort()).toEqual(Object.keys(structs).sort())
  })

  it('sizes control messages as CMSG_LEN and CMSG_SPACE do', () => {
    for (const bytes of [1, 2, 4, 8, 12, 20]) {
      expect(linux.cmsgLength(bytes)).toBe(real.get(`cmsgLength(${bytes})`))
      expect(linux.cmsgSpace(bytes)).toBe(real.get(`cmsgSpace(${bytes})`))
    }
  })
})

it('finds a field outside of its struct', () => {
  for (const [name, [layout]] of Object.entries(structs)) checkLayout(name, layout)
  expect(() => checkLayout('pair', { size: 8, first: 0, second: 8 })).toThrow('pair.second at 8 is outside of 8 bytes')
})

function print(name: string, expression: string): string {
  return `printf("${name}=%lld\\n", (long long)(${expression}));`
}
