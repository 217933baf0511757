import type { SrvRecord } from 'node:dns'

/** Looks SRV records up; rejects where there are none. */
export type ResolveSrv = (name: string) => Promise<SrvRecord[]>

/** The services under which a Matrix server may be found, newest first. */
const services = ['_matrix-fed._tcp', '_matrix._tcp']

/** One of the targets of the best priority, heavier ones more often. */
function choose(records: readonly SrvRecord[], chance: number): SrvRecord | undefined {
  const best = Math.min(...records.map(({ priority }) => priority))
  const equal = records.filter(({ priority }) => priority === best)
  let left = chance * equal.reduce((sum, { weight }) => sum + weight + 1, 0)
  return equal.find(({ weight }) => (left -= weight + 1) <= 0) ?? equal.at(-1)
}

/**
 * Where SRV records say that a server is; undefined when they don't.
 * @see https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names
 */
export async function askSrv(
  resolve: ResolveSrv,
  host: string,
  chance: number,
): Promise<{ host: string; port: number } | undefined> {
  for (const service of services) {
    const records = await resolve(`${service}.${host}`).catch(() => [])
    const record = choose(
      records.filter(({ name, port }) => name !== '' && name !== '.' && port > 0),
      chance,
    )
    if (record) return { host: record.name.replace(/\.$/, ''), port: record.port }
  }
  return undefined
}
