/** What is told while a host name gets no answer: without it the wait would look like a hang. */
export function describeRetry(host: string, pauseMs: number): string {
  return `no answer about the host ${host} yet. Trying again in ${(pauseMs / 1000).toFixed(1)} s.`
}
