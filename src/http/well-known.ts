import { Type } from 'typebox'
import { MatrixError } from '../matrix/errors.ts'
import { route, type Route } from './route.ts'
import type { Session } from './session.ts'

const open = Type.Record(Type.String(), Type.Unknown())
/** Discovery is asked for often and changes hardly ever; an hour is what a wrong address costs after it was put right. */
const keepForAnHour = 'public, max-age=3600'

/** What discovery tells. */
export interface WellKnown {
  /** Where clients reach this server, such as `https://matrix.example.org`. Undefined: clients are told nothing. */
  readonly baseUrl: string | undefined
  /** Where other servers reach it, such as `matrix.example.org:443`. Undefined: they are told nothing. */
  readonly federation: string | undefined
  /** Further keys for clients, such as `m.identity_server`. */
  readonly extra?: Readonly<Record<string, unknown>>
  /** Whom to turn to: a mail address or a Matrix ID. */
  readonly contact?: string | undefined
}

/** The client's part of discovery, as `well_known` in a login's answer has it too; undefined where there is nothing to tell. */
export const clientWellKnown = ({ baseUrl, extra }: WellKnown): Record<string, unknown> | undefined =>
  baseUrl === undefined ? undefined : { ...extra, 'm.homeserver': { base_url: baseUrl } }

/**
 * Discovery for clients and servers.
 * @see https://spec.matrix.org/v1.19/client-server-api/#well-known-uris
 * @see https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver
 */
export const wellKnownRoutes = (config: WellKnown): Route[] => [
  route({
    id: 'getWellknown',
    method: 'GET',
    path: '/.well-known/matrix/client',
    auth: 'none',
    reply: open,
    handle: ({ setHeader }) => {
      const body = clientWellKnown(config)
      if (!body) throw new MatrixError('M_NOT_FOUND', 'This server does not say where clients reach it')
      setHeader('cache-control', keepForAnHour)
      return body
    },
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixsupport */
  route({
    id: 'getWellknownSupport',
    method: 'GET',
    path: '/.well-known/matrix/support',
    auth: 'none',
    reply: open,
    handle: ({ setHeader }) => {
      const { contact } = config
      if (contact === undefined) throw new MatrixError('M_NOT_FOUND', 'This server names nobody to turn to')
      setHeader('cache-control', keepForAnHour)
      return {
        contacts: [
          { role: 'm.role.admin', ...(contact.startsWith('@') ? { matrix_id: contact } : { email_address: contact }) },
        ],
      }
    },
  }),
  /** No policy server runs inside this one. @see https://spec.matrix.org/v1.19/client-server-api/#getwell-knownmatrixpolicy_server */
  route({
    id: 'getWellknownPolicy',
    method: 'GET',
    path: '/.well-known/matrix/policy_server',
    auth: 'none',
    reply: open,
    handle: () => {
      throw new MatrixError('M_NOT_FOUND', 'This server is not a policy server')
    },
  }),
  route({
    id: 'getWellKnown',
    method: 'GET',
    path: '/.well-known/matrix/server',
    auth: 'none',
    reply: Type.Object({ 'm.server': Type.String() }),
    handle: ({ setHeader }) => {
      if (config.federation === undefined)
        throw new MatrixError('M_NOT_FOUND', 'This server does not say where servers reach it')
      setHeader('cache-control', keepForAnHour)
      return { 'm.server': config.federation }
    },
  }),
]

/** The versions of the specification that are served: each adds to the one before, and what was taken away is still answered. */
export const specVersions = [
  'r0.0.1',
  'r0.1.0',
  'r0.2.0',
  'r0.3.0',
  'r0.4.0',
  'r0.5.0',
  'r0.6.0',
  'r0.6.1',
  ...Array.from({ length: 19 }, (_, index) => `v1.${index + 1}`),
] as const

/**
 * What this server speaks. Answered to anybody: a client asks before it has a token, or with one that has expired.
 * @param unstable features under test, by their unstable names
 * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientversions
 */
export const versionsRoute = (unstable: Readonly<Record<string, boolean>>): Route =>
  route({
    id: 'getVersions',
    method: 'GET',
    path: '/_matrix/client/versions',
    auth: 'none',
    reply: Type.Object({
      versions: Type.Array(Type.String()),
      unstable_features: Type.Record(Type.String(), Type.Boolean()),
    }),
    handle: () => ({ versions: [...specVersions], unstable_features: { ...unstable } }),
  })

/**
 * What this account can do here.
 * @param capabilities asked at each request, so that they may depend on settings that change
 * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3capabilities
 */
export const capabilitiesRoute = (capabilities: (session: Session) => Readonly<Record<string, unknown>>): Route =>
  route({
    id: 'getCapabilities',
    method: 'GET',
    path: '/_matrix/client/v3/capabilities',
    auth: 'guest',
    reply: Type.Object({ capabilities: open }),
    handle: ({ session }) => ({ capabilities: { ...capabilities(session) } }),
  })
