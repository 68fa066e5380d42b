/** Numbers and structs of winsock2.h, ws2ipdef.h and mswsock.h, for x64 and arm64. Any platform. */
import { guid } from './guid.js'

export const SOCK_DGRAM = 2
export const IPPROTO_IP = 0
export const IPPROTO_UDP = 17
export const IPPROTO_IPV6 = 41
export const SOL_SOCKET = 0xffff
export const SO_SNDBUF = 0x1001
export const SO_RCVBUF = 0x1002
/** ~SO_REUSEADDR: nobody else gets the port, whatever he asks for. */
export const SO_EXCLUSIVEADDRUSE = -5
export const IPV6_V6ONLY = 27
/** Its value is an interface index in network byte order. */
export const IP_UNICAST_IF = 31
/** Its value is an interface index in the byte order of this machine. */
export const IPV6_UNICAST_IF = 31
/** Windows 10 2004. */
export const UDP_SEND_MSG_SIZE = 2
/** Windows 10 2004. */
export const UDP_RECV_MAX_COALESCED_SIZE = 3
export const UDP_COALESCED_INFO = 3

export const SIO_GET_EXTENSION_FUNCTION_POINTER = 0xc800_0006
export const SIO_UDP_CONNRESET = 0x9800_000c
export const SIO_UDP_NETRESET = 0x9800_000f
export const WSAID_WSARECVMSG: Uint8Array = guid('F689D7C8-6F1F-436B-8A53-E54FE351C322')

export const WSA_FLAG_OVERLAPPED = 0x01
export const WSA_FLAG_NO_HANDLE_INHERIT = 0x80
export const FD_READ = 1

export const WSAMSG = {
  size: 56,
  name: 0,
  namelen: 8,
  lpBuffers: 16,
  dwBufferCount: 24,
  controlLen: 32,
  controlBuf: 40,
  dwFlags: 48,
} as const

export const WSABUF = { size: 16, len: 0, buf: 8 } as const

/** Data follow at 16, and the next header at a multiple of 8. */
export const WSACMSGHDR = { size: 16, cmsg_len: 0, cmsg_level: 8, cmsg_type: 12 } as const

export const WSAEINTR = 10004
export const WSAEBADF = 10009
export const WSAEACCES = 10013
export const WSAEFAULT = 10014
export const WSAEINVAL = 10022
export const WSAEWOULDBLOCK = 10035
export const WSAENOTSOCK = 10038
export const WSAEMSGSIZE = 10040
export const WSAENOPROTOOPT = 10042
export const WSAEPROTONOSUPPORT = 10043
export const WSAEOPNOTSUPP = 10045
export const WSAEAFNOSUPPORT = 10047
export const WSAEADDRINUSE = 10048
export const WSAEADDRNOTAVAIL = 10049
export const WSAENETDOWN = 10050
export const WSAENETUNREACH = 10051
export const WSAENETRESET = 10052
export const WSAECONNRESET = 10054
export const WSAENOBUFS = 10055
export const WSAESHUTDOWN = 10058
export const WSAEHOSTUNREACH = 10065
export const WSANOTINITIALISED = 10093

const NAMES: Readonly<Record<number, string>> = {
  [WSAEINTR]: 'EINTR',
  [WSAEBADF]: 'EBADF',
  [WSAEACCES]: 'EACCES',
  [WSAEFAULT]: 'EFAULT',
  [WSAEINVAL]: 'EINVAL',
  [WSAEWOULDBLOCK]: 'EAGAIN',
  [WSAENOTSOCK]: 'ENOTSOCK',
  [WSAEMSGSIZE]: 'EMSGSIZE',
  [WSAENOPROTOOPT]: 'ENOPROTOOPT',
  [WSAEPROTONOSUPPORT]: 'EPROTONOSUPPORT',
  [WSAEOPNOTSUPP]: 'EOPNOTSUPP',
  [WSAEAFNOSUPPORT]: 'EAFNOSUPPORT',
  [WSAEADDRINUSE]: 'EADDRINUSE',
  [WSAEADDRNOTAVAIL]: 'EADDRNOTAVAIL',
  [WSAENETDOWN]: 'ENETDOWN',
  [WSAENETUNREACH]: 'ENETUNREACH',
  [WSAENETRESET]: 'ENETRESET',
  [WSAECONNRESET]: 'ECONNRESET',
  [WSAENOBUFS]: 'ENOBUFS',
  [WSAESHUTDOWN]: 'ESHUTDOWN',
  [WSAEHOSTUNREACH]: 'EHOSTUNREACH',
  [WSANOTINITIALISED]: 'WSANOTINITIALISED',
}

/** The name that POSIX and Node have for it: `EADDRINUSE` for 10048. */
export function winsockName(code: number): string {
  return NAMES[code] ?? `Winsock error ${code}`
}
