import { readFileSync } from 'node:fs'
import { resolveSrv } from 'node:dns/promises'
import type { Config } from '../config/index.ts'
import { createOutgoing, type AuthenticateServer, type Route, type OutgoingProxy } from '../http/index.ts'
import { own, type JsonObject } from '../matrix/json.ts'
import type { Database } from '../storage/index.ts'
import { createAuthenticate } from './auth/authenticate.ts'
import { createClient, type FederationClient } from './client.ts'
import { openDiscovery, type Discovery } from './discovery/index.ts'
import { keyRoutes, openKeyRing, type KeyRing, type OwnKeys, type WantedKey } from './keys/index.ts'
import { openPartners, type Partners } from './partners.ts'
import { openReach, type Reach } from './reach.ts'

/** What all talk with other servers goes over: it knows no room and no user. */
export interface Wires extends AsyncDisposable {
  readonly serverName: string
  readonly keys: KeyRing
  readonly client: FederationClient
  readonly discovery: Discovery
  readonly partners: Partners
  readonly reach: Reach
  readonly authenticate: AuthenticateServer
  /** The endpoints for keys. */
  readonly routes: readonly Route[]
}

export interface WiresDeps {
  /** The way out, where there is but one. */
  readonly proxy?: OutgoingProxy | undefined
  readonly config: Config['federation']
  readonly serverName: string
  readonly own: OwnKeys
  readonly database: Database
  readonly now: () => number
  /** Between 0 and 1. */
  readonly chance: () => number
  readonly onError: (error: unknown) => void
}

/** A server's keys are small; a notary's answer holds those of many. */
const largestKeys = 64 * 1024
const largestNotary = 4 * 1024 * 1024
const keysTimeoutMs = 10_000

/** The question to a notary. @see https://spec.matrix.org/v1.19/server-server-api/#post_matrixkeyv2query */
function notaryQuestion(wanted: readonly WantedKey[]): JsonObject {
  const servers: Record<string, Record<string, JsonObject>> = {}
  for (const { server, keyId, at } of wanted) (servers[server] ??= {})[keyId] = { minimum_valid_until_ts: at }
  return { server_keys: servers }
}

/** Opens everything that talk with other servers goes over. */
export async function openWires(deps: WiresDeps): Promise<Wires> {
  const { config, serverName, database, now, chance, onError } = deps
  const outgoing = createOutgoing({
    allow: config.allow_addresses,
    ...(config.ca_file !== undefined && { ca: [readFileSync(config.ca_file, 'utf8')] }),
    proxy: deps.proxy,
    userAgent: 'Latchkey (federation)',
  })
  const partners = openPartners(config.allow_domains, config.deny_domains)
  const reach = await openReach({ database, now, chance, onError })
  const discovery = openDiscovery({ memory: database.memory, outgoing, resolveSrv, hosts: config.hosts, now, chance })
  const client = createClient({
    serverName,
    signingKey: deps.own.signingKey,
    outgoing,
    discovery,
    partners,
    reach,
  })
  const keys = openKeyRing({
    database,
    serverName,
    own: deps.own,
    now,
    chance,
    notaries: config.notaries,
    mayTalkTo: (server) => partners.mayTalkTo(server),
    onError,
    ask: (server) =>
      client.ask(server, {
        path: '/_matrix/key/v2/server',
        unsigned: true,
        evenIfDown: true,
        maxBytes: largestKeys,
        timeoutMs: keysTimeoutMs,
      }),
    askNotary: async (notary, wanted) => {
      const answer = await client.ask(notary, {
        method: 'POST',
        path: '/_matrix/key/v2/query',
        content: notaryQuestion(wanted),
        maxBytes: largestNotary,
        timeoutMs: keysTimeoutMs,
      })
      const list = own(answer, 'server_keys')
      return Array.isArray(list) ? list : []
    },
  })
  return {
    serverName,
    keys,
    client,
    discovery,
    partners,
    reach,
    authenticate: createAuthenticate({
      serverName,
      keys,
      partners,
      now,
      heard: (origin) => {
        reach.answered(origin)
      },
    }),
    routes: keyRoutes({ database, serverName, own: deps.own, ring: keys, now }),
    [Symbol.asyncDispose]: () => outgoing[Symbol.asyncDispose](),
  }
}
