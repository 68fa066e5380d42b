/** Errors as Node's own sockets have them. */

export interface NetworkError extends Error {
  readonly code: string
  readonly syscall?: string
  readonly address?: string
  readonly port?: number
  readonly hostname?: string
}

/** `connect ECONNREFUSED 10.0.0.1:80`. */
export function networkError(code: string, syscall: string, address?: string, port?: number): NetworkError {
  const where = address === undefined ? '' : port === undefined ? ` ${address}` : ` ${address}:${port}`
  return Object.assign(new Error(`${syscall} ${code}${where}`), {
    ...{ code, syscall },
    ...(address !== undefined && { address }),
    ...(port !== undefined && { port }),
  })
}

/** `getaddrinfo ENOTFOUND name`. */
export function lookupError(code: string, hostname: string, why?: string): NetworkError {
  const message = `getaddrinfo ${code} ${hostname}${why === undefined ? '' : `: ${why}`}`
  return Object.assign(new Error(message), { code, syscall: 'getaddrinfo', hostname })
}

/** What an operation rejects with when its signal fires. */
export function abortError(signal: AbortSignal): Error {
  const error = new Error('The operation was aborted', { cause: signal.reason })
  error.name = 'AbortError'
  return Object.assign(error, { code: 'ABORT_ERR' })
}
