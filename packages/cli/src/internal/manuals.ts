/** What `wireweave help COMMAND` says beyond the command's own description. */
import { INTERFACE_MANUALS } from './interfaces/manuals.js'
import { PROXY_MANUAL } from './proxy/manual.js'

export interface Manual {
  /** Paragraphs. */
  readonly details?: readonly string[]
  /** Words that follow the command's arguments. */
  readonly words?: readonly (readonly [word: string, meaning: string])[]
  readonly environment?: readonly (readonly [name: string, meaning: string])[]
  /** Exit codes besides 0 and 1, or a closer meaning of 1. */
  readonly status?: readonly (readonly [code: string, meaning: string])[]
  readonly examples?: readonly string[]
}

export const COMMON_ENVIRONMENT: readonly (readonly [string, string])[] = [
  ['WG_COLOR_MODE', 'always or never, instead of colours on a terminal only; NO_COLOR works, too'],
]

const ADAPTER = ['WIREWEAVE_ADAPTER', 'the adapter to use when --adapter does not say'] as const

export const MANUALS: Readonly<Record<string, Manual>> = {
  ...INTERFACE_MANUALS,
  proxy: PROXY_MANUAL,
  up: {
    details: [
      'Does what wg-quick(8) does with the same file, and prints each step on standard error after [#]. All of it or nothing: when a step fails, or Ctrl-C interrupts it, everything is taken back. Returns once the interface works.',
      'The first adapter that works carries the packets, the kernel\'s before user space; which one was taken, and why others were not, is printed. With user space a process stays in the background and serves the interface; "wg" and "wireweave show" find it. With the kernel no process stays, unless a peer has a host name: then one follows it.',
      'A host name is looked up again when handshakes fail, and its addresses are tried in turn, IPv4 and IPv6 alternating; never on a timer.',
      'The process ends, and takes everything back, on SIGTERM, when the interface is deleted or when its socket is removed. SIGHUP reads the file again and changes peers and keys without disturbing other sessions; addresses, routes and DNS stay as they are. In the foreground of a terminal it ends the interface: the terminal is gone. When it is killed, a sleeping guard takes back what it cannot.',
      'With --user root is given up once the interface works. What then needs root is printed; the guard stays root and takes everything back at the end. With the kernel there is nothing to give up.',
      'With --foreground a log in the words of wireguard-go goes to standard error. Started by systemd with Type=notify it tells when it is ready: see wireweave@.service in the package.',
    ],
    environment: [
      ADAPTER,
      [
        'WG_ENDPOINT_RESOLUTION_RETRIES',
        'how often to ask for a host name that gets no answer: 15 by default, or infinity',
      ],
      [
        'LOG_LEVEL',
        'verbose, error or silent; in the foreground verbose by default; in the background nothing is logged unless it is set',
      ],
      ['WG_PROCESS_FOREGROUND=1', 'as --foreground'],
    ],
    examples: [
      'wireweave up wg0',
      'wireweave up ./office.conf --userspace --foreground',
      'wireweave up wg0 --kill-switch --user nobody',
    ],
  },
  down: {
    details: [
      'Finds what the interface has from the running system: it does not matter whether wireweave, wg-quick or a process that was killed brought it up, nor whether the file is still there. Runs PreDown, saves the file with SaveConfig, removes the interface, its rules, firewall and DNS, and runs PostDown. Waits until the process that served it has ended, and removes its socket if it was killed.',
      "On Windows, where an interface ends with its process, that process (a terminal's or a service's) is asked to do all this and to end; a service stays installed, and starts again with Windows.",
    ],
    examples: ['wireweave down wg0', 'wireweave down wg0 --if-up'],
  },
  save: { examples: ['wireweave save wg0'] },
  strip: { examples: ['wireweave strip wg0 | wireweave syncconf wg0 /dev/stdin'] },
  check: {
    details: [
      'Errors are what cannot be used, warnings what will not do what it seems to, hints what is often a mistake. Each is a line of FILE:LINE: SEVERITY: KEY: what is wrong, and what to do. No key is ever printed.',
    ],
    status: [['1', 'a file has an error or, with --strict, a warning']],
    examples: ['wireweave check /etc/wireguard/*.conf', 'wireweave check --strict --json wg0'],
  },
  status: {
    details: [
      'A peer is up with a handshake in the last three minutes, idle with an older one. For counters of every kind, and to see private keys, use "wireweave show".',
    ],
    examples: ['wireweave status', 'wireweave status wg0 --json'],
  },
  adapters: { environment: [ADAPTER], examples: ['wireweave adapters', 'wireweave adapters --json'] },
  init: {
    details: [
      "The file can be read by its owner only. Without --address a private network is chosen at random. Clients reach the internet through the server only if it forwards and translates addresses: that is its firewall's to do, for instance in PostUp.",
    ],
    examples: [
      'wireweave init --endpoint vpn.example.org --dns 9.9.9.9',
      'wireweave init office --address 10.7.0.1/24 --listen-port 51821',
    ],
  },
  'add-peer': {
    details: [
      'Adds the client to the file of the server and, when it is up, to the running interface, whose other sessions go on. Its own file can be read by its owner only. Its private key is made here and written to that file alone; with --qr it is also on the screen, with --show-keys in the output. Better is a client that makes its own key and tells its public one: --public-key.',
    ],
    examples: [
      'wireweave add-peer wg0 phone --qr',
      'wireweave add-peer wg0 laptop --full-tunnel --dns 9.9.9.9',
      'wireweave add-peer wg0 router --allowed-ips 10.7.0.0/24 --public-key "$(cat router.pub)"',
    ],
  },
  completion: {
    details: ['Names of interfaces, files and options are completed.'],
    examples: [
      'wireweave completion bash > /etc/bash_completion.d/wireweave',
      'wireweave completion zsh > "${fpath[1]}/_wireweave"',
      'wireweave completion fish > ~/.config/fish/completions/wireweave.fish',
    ],
  },
}
