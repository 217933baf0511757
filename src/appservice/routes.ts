import { Type } from 'typebox'
import { OutgoingError, route, type Route } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { Appservices, Followings } from './appservices.ts'
import { isReachable } from './services.ts'
import type { ThirdParties } from './third-party.ts'

export interface AppserviceRouteDeps {
  readonly appservices: Appservices
  readonly followings: Pick<Followings, 'retry'>
  readonly thirdParties: ThirdParties
  /** Milliseconds since 1970. */
  readonly now: () => number
}

const pingTimeoutMs = 30_000
const Place = Type.Record(Type.String(), Type.Unknown())
const Protocol = Type.Object({ protocol: Type.String() })
const base = '/_matrix/client/v3/thirdparty'

const noProtocol = (protocol: string): MatrixError =>
  new MatrixError('M_NOT_FOUND', `This server knows no way to the network "${protocol}"`)

/** What is asked of a network: all of the query but what says who asks. */
const fieldsOf = (query: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(query).flatMap(([name, value]) =>
      typeof value === 'string' && !['access_token', 'user_id', 'device_id'].includes(name)
        ? [[name, value] as const]
        : [],
    ),
  )

const pingRoute = ({ appservices, followings, now }: AppserviceRouteDeps): Route =>
  route({
    id: 'pingAppservice',
    method: 'POST',
    path: '/_matrix/client/v1/appservice/:appserviceId/ping',
    auth: 'user',
    paths: ['/_matrix/client/unstable/fi.mau.msc2659/appservice/:appserviceId/ping'],
    params: Type.Object({ appserviceId: Type.String() }),
    body: Type.Object({ transaction_id: Type.Optional(Type.String()) }),
    reply: Type.Object({ duration_ms: Type.Integer() }),
    handle: async ({ session, params, body, signal }) => {
      const service = session.appservice === undefined ? undefined : appservices.byId(session.appservice)
      if (service?.id !== params.appserviceId)
        throw new MatrixError('M_FORBIDDEN', 'Only the application service itself may ask for this')
      if (!isReachable(service))
        throw new MatrixError('M_URL_NOT_SET', 'The registration of this application service has no "url"')
      const begun = now()
      const answer = await appservices
        .ask(service, { method: 'POST', path: '/ping', body: JSON.stringify(body), timeoutMs: pingTimeoutMs, signal })
        .catch((error: unknown) => {
          if (!(error instanceof OutgoingError)) throw error
          if (error.code === 'timeout')
            throw new MatrixError('M_CONNECTION_TIMEOUT', 'The application service took too long to answer', {
              cause: error,
            })
          throw new MatrixError('M_CONNECTION_FAILED', `The application service cannot be reached: ${error.message}`, {
            cause: error,
          })
        })
      if (answer.status !== 200) {
        throw new MatrixError('M_BAD_STATUS', `The application service answered with status ${answer.status}`, {
          extra: { status: answer.status, body: answer.text },
        })
      }
      followings.retry(service)
      return { duration_ms: Math.max(0, Math.round(now() - begun)) }
    },
  })

const thirdPartyRoutes = ({ thirdParties }: AppserviceRouteDeps): Route[] => [
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyprotocols */
  route({
    id: 'getProtocols',
    method: 'GET',
    path: `${base}/protocols`,
    auth: 'user',
    reply: Place,
    handle: () => thirdParties.protocols(),
  }),
  /** @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3thirdpartyprotocolprotocol */
  route({
    id: 'getProtocolMetadata',
    method: 'GET',
    path: `${base}/protocol/:protocol`,
    auth: 'user',
    params: Protocol,
    reply: Place,
    handle: async ({ params }) => {
      const found = await thirdParties.protocol(params.protocol)
      if (!found) throw noProtocol(params.protocol)
      return found
    },
  }),
  ...(
    [
      ['queryLocationByProtocol', 'location'],
      ['queryUserByProtocol', 'user'],
    ] as const
  ).map(([id, what]) =>
    route({
      id,
      method: 'GET',
      path: `${base}/${what}/:protocol`,
      auth: 'user',
      limit: 'heavy',
      params: Protocol,
      reply: Type.Array(Place),
      handle: async ({ params, query }) => {
        const found = await thirdParties.search(what, params.protocol, fieldsOf(query))
        if (!found) throw noProtocol(params.protocol)
        return found
      },
    }),
  ),
  route({
    id: 'queryLocationByAlias',
    method: 'GET',
    path: `${base}/location`,
    auth: 'user',
    limit: 'heavy',
    query: Type.Object({ alias: Type.String() }),
    reply: Type.Array(Place),
    handle: ({ query }) => thirdParties.ofAlias(query.alias),
  }),
  route({
    id: 'queryUserByID',
    method: 'GET',
    path: `${base}/user`,
    auth: 'user',
    limit: 'heavy',
    query: Type.Object({ userid: Type.String() }),
    reply: Type.Array(Place),
    handle: ({ query }) => thirdParties.ofUser(query.userid),
  }),
]

/**
 * Whether this server reaches an application service, and other networks through them.
 * @see https://spec.matrix.org/v1.19/application-service-api/#post_matrixclientv1appserviceappserviceidping
 * @see https://spec.matrix.org/v1.19/client-server-api/#third-party-networks
 */
export const appserviceRoutes = (deps: AppserviceRouteDeps): Route[] => [pingRoute(deps), ...thirdPartyRoutes(deps)]
