/**
 * Structs and constants of Linux that our packages use, for x64 and arm64, which agree on all of them. The test compiles
 * a C program that prints the real values. All integers are little-endian but for ports and addresses.
 */
// ---- descriptors (asm-generic/fcntl.h)
export const O_RDWR = 2
export const O_NONBLOCK = 0x800
export const O_CLOEXEC = 0x80000
/** Most iovecs of one readv, writev, sendmsg or recvmsg. */
export const IOV_MAX = 1024
export const IOVEC = { size: 16, base: 0, len: 8 } as const

// ---- sockets (asm-generic/socket.h, bits/socket.h)
export const AF_INET = 2
export const AF_INET6 = 10
export const AF_NETLINK = 16
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_NONBLOCK = 0x800
export const SOCK_CLOEXEC = 0x80000
export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_ERROR = 4
export const SO_SNDBUF = 7
export const SO_RCVBUF = 8
export const SO_SNDBUFFORCE = 32
export const SO_RCVBUFFORCE = 33
export const SO_MARK = 36
export const MSG_TRUNC = 0x20
export const MSG_CTRUNC = 8
export const MSG_DONTWAIT = 0x40
export const MSG_ERRQUEUE = 0x2000
export const SOCKADDR_IN = { size: 16, family: 0, port: 2, addr: 4 } as const
export const SOCKADDR_IN6 = { size: 28, family: 0, port: 2, flowinfo: 4, addr: 8, scopeId: 24 } as const
export const MSGHDR = {
  size: 56,
  name: 0,
  namelen: 8,
  iov: 16,
  iovlen: 24,
  control: 32,
  controllen: 40,
  flags: 48,
} as const
export const MMSGHDR = { size: 64, hdr: 0, len: 56 } as const
export const CMSGHDR = { size: 16, len: 0, level: 8, type: 12 } as const

/** CMSG_LEN: header and `bytes` of data. */
export function cmsgLength(bytes: number): number {
  return CMSGHDR.size + bytes
}

/** CMSG_SPACE: the same, up to where the next header begins. */
export function cmsgSpace(bytes: number): number {
  return CMSGHDR.size + ((bytes + 7) & ~7)
}

// ---- IP and UDP (linux/in.h, linux/in6.h, linux/udp.h)
export const IPPROTO_IP = 0
export const IPPROTO_UDP = 17
export const IPPROTO_IPV6 = 41
export const IP_TOS = 1
export const IP_PKTINFO = 8
export const IP_MTU_DISCOVER = 10
export const IP_RECVERR = 11
export const IP_RECVTOS = 13
export const IP_PMTUDISC_DONT = 0
export const IP_PMTUDISC_WANT = 1
export const IP_PMTUDISC_DO = 2
export const IPV6_MTU_DISCOVER = 23
export const IPV6_RECVERR = 25
export const IPV6_V6ONLY = 26
export const IPV6_RECVPKTINFO = 49
export const IPV6_PKTINFO = 50
export const IPV6_RECVTCLASS = 66
export const IPV6_TCLASS = 67
export const UDP_SEGMENT = 103
export const UDP_GRO = 104
export const IN_PKTINFO = { size: 12, ifindex: 0, specDst: 4, addr: 8 } as const
export const IN6_PKTINFO = { size: 20, addr: 0, ifindex: 16 } as const

// ---- interfaces (linux/if.h, linux/sockios.h, linux/if_tun.h, linux/virtio_net.h)
export const IFNAMSIZ = 16
export const IFF_UP = 1
export const SIOCGIFMTU = 0x8921
export const SIOCSIFMTU = 0x8922
export const SIOCGIFINDEX = 0x8933
export const IFREQ = { size: 40, name: 0, flags: 16, mtu: 16, ifindex: 16 } as const
export const TUNSETIFF = 0x400454ca
export const TUNSETOFFLOAD = 0x400454d0
export const TUNGETIFF = 0x800454d2
export const TUNSETVNETHDRSZ = 0x400454d8
export const TUNGETDEVNETNS = 0x54e3
export const IFF_TUN = 1
export const IFF_NO_PI = 0x1000
export const IFF_VNET_HDR = 0x4000
export const TUN_F_CSUM = 1
export const TUN_F_TSO4 = 2
export const TUN_F_TSO6 = 4
export const TUN_F_TSO_ECN = 8
export const TUN_F_USO4 = 0x20
export const TUN_F_USO6 = 0x40
export const VIRTIO_NET_HDR = {
  size: 10,
  flags: 0,
  gsoType: 1,
  hdrLen: 2,
  gsoSize: 4,
  csumStart: 6,
  csumOffset: 8,
} as const
export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1
export const VIRTIO_NET_HDR_F_DATA_VALID = 2
export const VIRTIO_NET_HDR_GSO_NONE = 0
export const VIRTIO_NET_HDR_GSO_TCPV4 = 1
export const VIRTIO_NET_HDR_GSO_TCPV6 = 4
export const VIRTIO_NET_HDR_GSO_UDP_L4 = 5
export const VIRTIO_NET_HDR_GSO_ECN = 0x80

// ---- netlink (linux/netlink.h, linux/rtnetlink.h, linux/if_link.h)
export const NETLINK_ROUTE = 0
export const SOCKADDR_NL = { size: 12, family: 0, pid: 4, groups: 8 } as const
export const NLMSGHDR = { size: 16, len: 0, type: 4, flags: 6, seq: 8, pid: 12 } as const
export const NLMSG_ERROR = 2
export const NLMSG_DONE = 3
export const NLM_F_REQUEST = 1
export const NLM_F_ACK = 4
export const RTMGRP_LINK = 1
export const RTM_NEWLINK = 16
export const RTM_DELLINK = 17
export const RTM_GETLINK = 18
export const IFINFOMSG = { size: 16, family: 0, type: 2, index: 4, flags: 8, change: 12 } as const
export const IFLA_IFNAME = 3
export const IFLA_MTU = 4
export const IFLA_EXT_MASK = 29
export const RTEXT_FILTER_SKIP_STATS = 8

// ---- clocks and namespaces (linux/time.h, linux/sched.h)
export const CLOCK_BOOTTIME = 7
export const TIMESPEC = { size: 16, sec: 0, nsec: 8 } as const
export const CLONE_NEWNET = 0x40000000
