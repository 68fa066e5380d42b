/** Records and numbers of wireguard.dll, 0.10 and later. The same on x86, x64 and arm64: no pointers, 8-byte alignment. */

/** `WIREGUARD_INTERFACE`, followed by its peers. */
export const INTERFACE = { size: 80, flags: 0, listenPort: 4, privateKey: 6, publicKey: 38, peersCount: 72 } as const

/** `WIREGUARD_PEER`, followed by its allowed IPs. */
export const PEER = {
  size: 136,
  flags: 0,
  reserved: 4,
  publicKey: 8,
  presharedKey: 40,
  persistentKeepalive: 72,
  endpoint: 76,
  txBytes: 104,
  rxBytes: 112,
  lastHandshake: 120,
  allowedIpsCount: 128,
} as const

/** `WIREGUARD_ALLOWED_IP`. */
export const ALLOWED_IP = { size: 24, address: 0, addressFamily: 16, cidr: 18, flags: 20 } as const

/** Only told, never set. */
export const INTERFACE_HAS_PUBLIC_KEY = 1
export const INTERFACE_HAS_PRIVATE_KEY = 2
export const INTERFACE_HAS_LISTEN_PORT = 4
export const INTERFACE_REPLACE_PEERS = 8

/** Mandatory. */
export const PEER_HAS_PUBLIC_KEY = 1
export const PEER_HAS_PRESHARED_KEY = 2
export const PEER_HAS_PERSISTENT_KEEPALIVE = 4
export const PEER_HAS_ENDPOINT = 8
export const PEER_REPLACE_ALLOWED_IPS = 0x20
export const PEER_REMOVE = 0x40
export const PEER_UPDATE_ONLY = 0x80

/** Older drivers do not look at it, and would add the prefix: see {@link REMOVES_ALLOWED_IPS_FROM}. */
export const ALLOWED_IP_REMOVE = 1

/** The first driver version (0.11) that removes single allowed IPs. */
export const REMOVES_ALLOWED_IPS_FROM = 0x0000_000b

export const STATE_DOWN = 0
export const STATE_UP = 1

/** Each line begins with the index of its interface: the logger is one for the whole library. */
export const LOG_ON_WITH_PREFIX = 2

/** Peers of one interface. */
export const MAX_PEERS = 1_048_576
