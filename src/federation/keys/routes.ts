import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { isServerName } from '../../matrix/ids.ts'
import { own, type Json, type JsonObject } from '../../matrix/json.ts'
import { signJson } from '../../matrix/signing.ts'
import type { Database } from '../../storage/index.ts'
import { publishedKeys, type OwnKeys } from './own.ts'
import type { KeyRing } from './ring.ts'
import { readAnswers } from './store.ts'

export interface KeyRouteDeps {
  readonly database: Database
  readonly serverName: string
  readonly own: OwnKeys
  readonly ring: KeyRing
  readonly now: () => number
}

const open = Type.Record(Type.String(), Type.Unknown())
/** So many servers are looked up for one request. */
const mostServers = 100
/** So many of these are asked themselves. */
const mostAsked = 20

/** Until when the answer must be good that somebody asks for: now, unless they say. */
function wantedUntil(keys: unknown, now: number): number {
  const times = Object.values((keys ?? {}) as JsonObject).map((entry) => own(entry, 'minimum_valid_until_ts'))
  return Math.max(now, ...times.filter((time) => typeof time === 'number'))
}

/** What is known of the keys of servers; those whose answer has run out are asked anew. */
async function lookUp({ database, serverName, own: keys, ring, now }: KeyRouteDeps, wanted: Map<string, number>) {
  const servers = [...wanted.keys()].filter((server) => server !== serverName)
  const read = () => (servers.length === 0 ? [] : readAnswers(database.read, servers))
  const known = new Map((await read()).map((row) => [row.server, row]))
  const stale = servers.filter((server) => {
    const row = known.get(server)
    // Half of its lifetime an answer is as good as a fresh one.
    return !row || row.valid_until < (wanted.get(server) ?? 0) || (row.valid_until + row.fetched_ts) / 2 < now()
  })
  const fresh = await ring.refresh(stale.slice(0, mostAsked))
  const answers = new Map<string, Json>(
    [...known].map(([server, row]) => [server, JSON.parse(row.json) as Json] as const), // stored as it was read
  )
  for (const answer of fresh) answers.set(answer.server, answer.json)
  if (wanted.has(serverName)) answers.set(serverName, publishedKeys(keys, serverName, now()))
  return {
    server_keys: [...answers].map(([server, json]) =>
      server === serverName ? json : signJson(json as JsonObject, serverName, keys.signingKey),
    ),
  }
}

/**
 * Our own keys, and what we know of those of others.
 * @see https://spec.matrix.org/v1.19/server-server-api/#retrieving-server-keys
 */
export const keyRoutes = (deps: KeyRouteDeps): Route[] => [
  route({
    id: 'getServerKey',
    method: 'GET',
    path: '/_matrix/key/v2/server',
    paths: ['/_matrix/key/v2/server/:keyId'],
    auth: 'none',
    reply: open,
    handle: () => publishedKeys(deps.own, deps.serverName, deps.now()),
  }),
  route({
    id: 'perspectivesKeyQuery',
    method: 'GET',
    path: '/_matrix/key/v2/query/:serverName',
    auth: 'none',
    limit: 'heavy',
    params: Type.Object({ serverName: Type.String() }),
    query: Type.Object({ minimum_valid_until_ts: Type.Optional(Type.Integer()) }),
    reply: open,
    handle: ({ params: { serverName }, query: { minimum_valid_until_ts: until = 0 } }) =>
      lookUp(deps, new Map(isServerName(serverName) ? [[serverName, Math.max(until, deps.now())]] : [])),
  }),
  route({
    id: 'bulkPerspectivesKeyQuery',
    method: 'POST',
    path: '/_matrix/key/v2/query',
    auth: 'none',
    limit: 'heavy',
    bodyLimit: 256 * 1024,
    body: Type.Object({ server_keys: Type.Record(Type.String(), Type.Record(Type.String(), open)) }),
    reply: open,
    handle: ({ body }) =>
      lookUp(
        deps,
        new Map(
          Object.entries(body.server_keys)
            .filter(([server]) => isServerName(server))
            .slice(0, mostServers)
            .map(([server, keys]) => [server, wantedUntil(keys, deps.now())]),
        ),
      ),
  }),
]
