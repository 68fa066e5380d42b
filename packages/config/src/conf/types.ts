/** What a configuration file says, before host names are looked up. */
import type { AllowedIpUpdate } from '@wireweave/tunnel/config'
import type { IpAddress } from '@wireweave/tunnel/ip'
import type { PresharedKey, PrivateKey, PublicKey } from '@wireweave/tunnel/keys'
import type { ConfDocument } from './document.js'

/** A device and its peers, and what `wg-quick` does around it. Holds secret keys. */
export interface Conf {
  readonly device: DeviceConf
  /** In the order of the file; a public key may occur more than once. */
  readonly peers: readonly PeerConf[]
  readonly quick: QuickConf
  readonly document: ConfDocument
}

/** `null`: the file does not say. */
export interface DeviceConf {
  readonly privateKey: PrivateKey | null
  readonly listenPort: number | null
  /** 0: `off`. */
  readonly fwmark: number | null
}

export interface PeerConf {
  /** From a comment `# Name = …` or `# friendly_name = …` in the peer's section; `null` without one. */
  readonly name: string | null
  readonly publicKey: PublicKey
  readonly presharedKey: PresharedKey | null
  readonly endpoint: HostEndpoint | null
  /** Seconds; 0 is off; `null` when the file does not say. */
  readonly persistentKeepaliveInterval: number | null
  readonly allowedIps: readonly AllowedIpUpdate[]
  /** False when the list has `+` or `-`: it changes what is there instead of replacing it. */
  readonly replaceAllowedIps: boolean
  /** Line of the section's header, from 1. */
  readonly line: number
}

/** Where a peer is, as the user wrote it: kept, so that the name can be looked up again. */
export interface HostEndpoint {
  /** A name, or an address without brackets; a link-local one may carry its `%zone`. */
  readonly host: string
  readonly port: number
}

/** An address of an interface: unlike a prefix it keeps its host bits. */
export interface InterfaceAddress {
  readonly address: IpAddress
  /** Length of the network's prefix. */
  readonly length: number
}

export interface QuickConf {
  readonly addresses: readonly InterfaceAddress[]
  readonly dnsServers: readonly IpAddress[]
  readonly dnsSearch: readonly string[]
  /** Bytes; `null`: find out. */
  readonly mtu: number | null
  /** `auto`, `off`, a number, or a name of `/etc/iproute2/rt_tables`. */
  readonly table: string
  readonly hooks: Hooks
  readonly saveConfig: boolean
}

/** Commands of the shell, `%i` not yet replaced. */
export interface Hooks {
  readonly preUp: readonly string[]
  readonly postUp: readonly string[]
  readonly preDown: readonly string[]
  readonly postDown: readonly string[]
}
