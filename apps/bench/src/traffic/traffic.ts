/** What is sent through a tunnel, whoever sends it. */

export interface TcpRequest {
  readonly streams: number
  /** `forward` is from a to b; `both` at once counts both. */
  readonly direction: 'forward' | 'reverse' | 'both'
  readonly seconds: number
}

export interface UdpRequest {
  readonly payloadBytes: number
  /** 0: as fast as it goes. */
  readonly bitsPerSecond: number
  readonly seconds: number
}

/** What the receiving side counted. */
export interface Transfer {
  readonly bitsPerSecond: number
  readonly bytes: number
  /** Of the datagrams that were sent; 0 for TCP. */
  readonly lostShare: number
}

export interface PingRequest {
  readonly count: number
  readonly intervalMs: number
}

export interface Traffic {
  /** The program that makes it, with its version. */
  readonly tool: string
  readonly pingTool: string
  tcp(request: TcpRequest): Promise<Transfer>
  udp(request: UdpRequest): Promise<Transfer>
  /** Round-trip times in milliseconds of what came back. */
  ping(request: PingRequest): Promise<number[]>
}
