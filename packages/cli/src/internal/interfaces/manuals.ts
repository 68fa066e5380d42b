/** What `wireweave help COMMAND` says about commands for interfaces that run. */
import type { Manual } from '../manuals.js'

const FIELDS =
  'public-key, private-key, listen-port, fwmark, peers, preshared-keys, endpoints, allowed-ips, latest-handshakes, ' +
  'transfer, persistent-keepalive, dump'

export const INTERFACE_MANUALS: Readonly<Record<string, Manual>> = {
  show: {
    details: [
      'Interfaces are those of user space, whoever serves them, by their socket in /var/run/wireguard, and those of the kernel. Output and exit codes are those of wg show. An interface that cannot be read does not keep the others from being shown.',
      `A field is one of ${FIELDS}. It is printed for programs, with tabs between the values; with "all" the interface stands in front. Keys are hidden from the text for people and from JSON, not from fields.`,
      'JSON has the shape of wg-json: what is not set is absent. A peer has, besides, a state (up: a handshake in the last three minutes; idle; never), and a name where /etc/wireguard/INTERFACE.conf has a comment "# Name = …" in its section.',
    ],
    environment: [['WG_HIDE_KEYS=never', 'as --show-keys']],
    status: [['1', 'not done: the interface, or with "all" every one of them, could not be read']],
    examples: [
      'wireweave show',
      'wireweave show wg0 latest-handshakes',
      'wireweave show all dump | cut -f 1,2',
      "wireweave show --json | jq '.wg0.peers[].state'",
    ],
  },
  watch: {
    details: [
      'A table with the state of each peer, the time since its last handshake, its rates, and what else the terminal has room for. Peers that are up come first. Ctrl-C ends it and gives the terminal back as it was.',
      'When the output is no terminal, a line is appended for each peer about which there is something new.',
      'With --json each look prints a line for each interface: that of "show --json", with time and interface in front and, for each peer, rxBytesPerSecond and txBytesPerSecond.',
    ],
    examples: [
      'wireweave watch',
      'wireweave watch wg0 --interval 0.5',
      "wireweave watch wg0 --json | jq -c '[.time, .peers[].rxBytesPerSecond]'",
    ],
  },
  showconf: {
    details: [
      'It holds the private key and the preshared keys. Addresses, DNS and hooks are not part of it: see "save".',
    ],
    examples: ['umask 077 && wireweave showconf wg0 > wg0.setconf'],
  },
  set: {
    details: [
      'What is not named stays. Words for the interface come before the first peer; words for a peer come after its public key, and a peer that is not there yet is added. Other keys come from files; - is standard input, and an empty file removes the key.',
      'Files are read and names are looked up before anything is changed.',
    ],
    words: [
      ['listen-port PORT', '0 for any that is free'],
      ['fwmark MARK', 'decimal, hexadecimal with 0x in front, or off'],
      ['private-key FILE', 'of the interface'],
      ['peer KEY', 'the peer that the following words are about'],
      ['remove', 'removes the peer'],
      ['preshared-key FILE', 'of the peer'],
      ['endpoint HOST:PORT', 'a name, 192.0.2.1:51820 or [2001:db8::1]:51820'],
      ['persistent-keepalive SECONDS', '1 to 65535, or off'],
      [
        'allowed-ips IP/LENGTH,…',
        'the whole list, or "" for none; with + in front of a network it is added to the list, with - taken from it',
      ],
    ],
    environment: [
      [
        'WG_ENDPOINT_RESOLUTION_RETRIES',
        'how often to ask for a host name that gets no answer: 15 by default, or infinity',
      ],
    ],
    examples: [
      'wireweave set wg0 listen-port 51820 private-key /etc/wireguard/wg0.key',
      'wireweave set wg0 peer KEY endpoint vpn.example.org:51820 allowed-ips 10.0.0.2/32',
      'wireweave set wg0 peer KEY allowed-ips +10.9.0.0/24,-10.8.0.0/24',
      'wireweave set wg0 peer KEY remove',
    ],
  },
  setconf: {
    details: [
      'The file is all there is: other peers go, and so do key, port and mark that it does not have. All sessions begin anew; syncconf keeps them.',
      'Keys for wg-quick, such as Address, are refused: strip leaves them out.',
    ],
    examples: ['wireweave setconf wg0 wg0.setconf', 'wireweave strip wg0 | wireweave setconf wg0 -'],
  },
  addconf: {
    details: ['What the file does not have stays.'],
    examples: ['wireweave addconf wg0 new-peers.conf'],
  },
  syncconf: {
    details: [
      'As setconf, but only what differs is changed: peers that stay keep their sessions, and their traffic goes on. Without ListenPort in the file the port stays.',
    ],
    examples: ['wireweave strip wg0 | wireweave syncconf wg0 -'],
  },
}
