/** A report as `run` would write it, small enough to read. */
import { FORMAT } from '../../src/report/report.js'
import type { Report } from '../../src/report/report.js'

const row = (name: string, role: 'adapter' | 'rival' | 'ceiling', reach: 'host' | 'process', tool: string) => ({
  ...{ name, role, reach, tool, about: `what ${name} is`, version: `${name} 1.0`, pingTool: tool === '' ? '' : 'ping' },
})

export function exampleReport(change: Partial<Report> = {}): Report {
  return {
    format: FORMAT,
    date: '2026-01-02T03:04:05.000Z',
    command: 'npm run bench',
    machine: { cpu: 'A processor', cores: 2, memoryBytes: 4 * 2 ** 30, system: 'Linux 6.12', loadBefore: 0.25 },
    node: 'v20.20.2',
    generator: 'iperf 3.12',
    settings: { seconds: 2, repeat: 3, rounds: 3, warmUp: 'a warm-up', order: 'alternating' },
    durationSeconds: 60,
    contestants: [
      row('ours', 'adapter', 'host', 'iperf3'),
      row('inside', 'adapter', 'process', 'own generator'),
      row('theirs', 'rival', 'host', 'iperf3'),
      row('broken', 'rival', 'host', 'iperf3'),
      row('wire', 'ceiling', 'host', 'iperf3'),
    ],
    missing: [{ name: 'absent <b>', why: 'not installed', remedy: 'apt-get install absent' }],
    results: [
      { contestant: 'ours', metric: 'tcp-1', samples: [3, 2.5, 3.5] },
      { contestant: 'inside', metric: 'tcp-1', samples: [9, 9, 9] },
      { contestant: 'theirs', metric: 'tcp-1', samples: [2, null, 2] },
      { contestant: 'broken', metric: 'tcp-1', samples: [], failure: 'it | fell\n<i>over</i>' },
      { contestant: 'wire', metric: 'tcp-1', samples: [40, 41, 42] },
      { contestant: 'ours', metric: 'cpu-tunnel', samples: [4, 5, 4.5] },
      { contestant: 'theirs', metric: 'cpu-tunnel', samples: [6, null, 7] },
      { contestant: 'ours', metric: 'udp-loss', samples: [0, 0, 0] },
      { contestant: 'theirs', metric: 'udp-loss', samples: [0, null, 1] },
    ],
    latencies: [
      { contestant: 'ours', when: 'idle', samples: [0.4, 0.5, 0.6, 0.9, 2.5] },
      { contestant: 'theirs', when: 'idle', samples: [0.3, 0.4, 0.4, 0.5, 12] },
      { contestant: 'inside', when: 'load', samples: [1] },
    ],
    notes: ['2 of 3 rounds fitted into 60 s'],
    ...change,
  }
}
