/** Where peers are, once their host names are looked up. */
import type { HostEndpoint } from '@wireweave/config/conf-types'
import { literalEndpoint } from '@wireweave/config/conf-update'
import type { Endpoint } from '@wireweave/tunnel/ip'
import { describeRetry } from '../lookup-retry.js'
import { say } from '../terminal.js'
import { zoneIndex } from '../zone-index.js'

/** Looks up all names, patiently (`WG_ENDPOINT_RESOLUTION_RETRIES`); the first address of each counts, as in `wg`. */
export async function endpointAddresses(
  endpoints: readonly HostEndpoint[],
): Promise<(endpoint: HostEndpoint) => Endpoint> {
  const literal = (endpoint: HostEndpoint): Endpoint | null => literalEndpoint(endpoint, zoneIndex)
  const named = endpoints.filter((endpoint) => literal(endpoint) === null)
  if (named.length === 0) return (endpoint) => literal(endpoint)!
  const { resolveEndpoints } = await import('wireweave')
  const onRetry = (host: string, pauseMs: number): void => say(`wireweave: ${describeRetry(host, pauseMs)}`)
  const resolved = await resolveEndpoints(named, { onRetry })
  return (endpoint) => literal(endpoint) ?? resolved.get(`${endpoint.host}:${endpoint.port}`)![0]!
}
