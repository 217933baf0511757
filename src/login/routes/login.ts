import { Type } from 'typebox'
import { clientWellKnown, route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { appserviceType, serviceOf } from '../appservice.ts'
import type { LoginParts } from '../deps.ts'
import { mustBeLegacy } from '../legacy.ts'
import { flowsOf } from '../methods/index.ts'
import type { Opened, WantedSession } from '../../sessions/index.ts'
import { type SignInDeps, signInBy } from '../sign-in.ts'

/** Old clients write null for what they leave out. */
const optional = <T extends Parameters<typeof Type.Optional>[0]>(type: T) =>
  Type.Optional(Type.Union([type, Type.Null()]))

/** What every way in takes besides its credential. */
export const sessionFields = {
  device_id: Type.Optional(Type.Unknown()),
  initial_device_display_name: optional(Type.String()),
  refresh_token: optional(Type.Boolean()),
}

/** What every way in answers. */
export const SessionReply = Type.Object({
  user_id: Type.String(),
  access_token: Type.String(),
  device_id: Type.String(),
  home_server: Type.String(),
  expires_in_ms: Type.Optional(Type.Integer()),
  refresh_token: Type.Optional(Type.String()),
  well_known: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
})

/** The session that a request asks for. Throws M_INVALID_PARAM for a device id that is none. */
export const wantedSession = (
  body: { device_id?: unknown; initial_device_display_name?: string | null; refresh_token?: boolean | null },
  from: { ip: string; userAgent: string | undefined },
): WantedSession => {
  const { device_id: deviceId } = body
  if (deviceId !== undefined && deviceId !== null && typeof deviceId !== 'string')
    throw new MatrixError('M_INVALID_PARAM', '"device_id" must be a string')
  return {
    deviceId: deviceId ?? undefined,
    displayName: body.initial_device_display_name ?? undefined,
    refresh: body.refresh_token ?? false,
    ip: from.ip,
    userAgent: from.userAgent,
  }
}

/** The answer that opens a session. */
export const sessionReply = ({ config, serverName }: Pick<LoginParts, 'config' | 'serverName'>, opened: Opened) => {
  const wellKnown = clientWellKnown({ baseUrl: config.public_base_url, federation: undefined })
  return {
    user_id: opened.userId,
    access_token: opened.accessToken,
    device_id: opened.deviceId,
    home_server: serverName,
    ...(opened.refreshToken !== undefined && { refresh_token: opened.refreshToken }),
    ...(opened.expiresInMs !== undefined && { expires_in_ms: opened.expiresInMs }),
    ...(wellKnown && { well_known: wellKnown }),
  }
}

export const signInRoutes = (context: SignInDeps): Route[] => [
  /** The ways to sign in here. @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3login */
  route({
    id: 'getLoginFlows',
    method: 'GET',
    path: '/_matrix/client/v3/login',
    auth: 'none',
    limit: 'login',
    reply: Type.Object({ flows: Type.Array(Type.Object({ type: Type.String() })) }),
    handle: () => {
      mustBeLegacy(context)
      return { flows: flowsOf(context) }
    },
  }),

  /**
   * Opens a session, on a new device or on the one that is named, whose earlier tokens then end.
   * @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3login
   */
  route({
    id: 'login',
    method: 'POST',
    path: '/_matrix/client/v3/login',
    auth: 'none',
    limit: 'own',
    query: Type.Object({ access_token: Type.Optional(Type.String()) }),
    body: Type.Object({ type: Type.String(), ...sessionFields }),
    reply: SessionReply,
    handle: async ({ body, query, headers, ip, userAgent, trace }) => {
      mustBeLegacy(context, body.type === appserviceType)
      const service =
        body.type === appserviceType && context.appservices ? serviceOf(context, { headers, query }) : undefined
      // Each method looks at its own fields; the schema lets them through as they came.
      const fields = body as Parameters<typeof signInBy>[2]
      return sessionReply(
        context,
        await signInBy(context, body.type, fields, { ip, trace, service }, wantedSession(body, { ip, userAgent })),
      )
    },
  }),
]
