import { Type } from 'typebox'
import { route, type Route } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/json.ts'
import { gatewayAddress } from './gateway.ts'
import type { Pushers } from './pushers.ts'
import type { PusherRow } from './store/pushers.ts'

const Pusher = Type.Object({
  pushkey: Type.String(),
  kind: Type.String(),
  app_id: Type.String(),
  app_display_name: Type.String(),
  device_display_name: Type.String(),
  profile_tag: Type.Optional(Type.String()),
  lang: Type.String(),
  data: Type.Object({}),
})

const Text = Type.Optional(Type.String({ maxLength: 1024 }))

/** The app of all mail. */
const mailApp = 'm.email'

/** The largest `data`, as JSON. */
const mostData = 8192

const asClientsSeeIt = (pusher: PusherRow) => ({
  pushkey: pusher.pushkey,
  kind: pusher.kind,
  app_id: pusher.app_id,
  app_display_name: pusher.app_name,
  device_display_name: pusher.device_name,
  ...(pusher.profile_tag !== null && { profile_tag: pusher.profile_tag }),
  lang: pusher.lang,
  data: JSON.parse(pusher.data) as JsonObject, // checked when it was set
})

const needed = <T>(value: T | undefined, name: string): T => {
  if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `"${name}" is missing`)
  return value
}

function checkKeys(appId: string, pushkey: string): void {
  if (appId === '' || appId.length > 64)
    throw new MatrixError('M_INVALID_PARAM', '"app_id" must have 1 to 64 characters')
  if (pushkey === '' || Buffer.byteLength(pushkey) > 512)
    throw new MatrixError('M_INVALID_PARAM', '"pushkey" must have 1 to 512 bytes')
}

const mostBrand = 100

/** What mail is to be like. Everything else that a client says there is kept for it. */
function checkMailData(data: JsonObject): JsonObject {
  const { brand } = data
  if (brand !== undefined && (typeof brand !== 'string' || brand.length > mostBrand))
    throw new MatrixError('M_INVALID_PARAM', `"data.brand" must be a string of at most ${mostBrand} characters`)
  if (JSON.stringify(data).length > mostData)
    throw new MatrixError('M_TOO_LARGE', `"data" can have ${mostData} characters`)
  return data
}

function checkData(data: JsonObject, gateways: readonly string[]): JsonObject {
  if (data['url'] === undefined) throw new MatrixError('M_MISSING_PARAM', '"data.url" is missing')
  if (!gatewayAddress(data['url'], gateways)) {
    throw new MatrixError('M_INVALID_PARAM', '"data.url" must be an https address that ends in /_matrix/push/v1/notify')
  }
  const { format } = data
  if (format !== undefined && format !== null && format !== 'event_id_only')
    throw new MatrixError('M_INVALID_PARAM', '"data.format" can only be "event_id_only"')
  if (JSON.stringify(data).length > mostData)
    throw new MatrixError('M_TOO_LARGE', `"data" can have ${mostData} characters`)
  return data
}

export interface PushersRouteDeps {
  readonly pushers: Pushers
  /** Origins of the operator's own push gateways. */
  readonly gateways: readonly string[]
  /** Port: whether an address is one that the user has shown to be theirs; absent where no mail is sent. */
  readonly ownsAddress: ((user: number, address: string) => Promise<boolean>) | undefined
}

/**
 * Where a user's apps are told of what happens while they are not open.
 * @see https://spec.matrix.org/v1.19/client-server-api/#push-notifications
 */
export const pushersRoutes = ({ pushers, gateways, ownsAddress }: PushersRouteDeps): Route[] => [
  route({
    id: 'getPushers',
    method: 'GET',
    path: '/_matrix/client/v3/pushers',
    auth: 'user',
    reply: Type.Object({ pushers: Type.Array(Pusher) }),
    handle: async ({ session }) => ({ pushers: (await pushers.list(session.user)).map(asClientsSeeIt) }),
  }),
  /** Sets a pusher, which lives as long as the session that set it, or with `kind` null deletes one. */
  route({
    id: 'postPusher',
    method: 'POST',
    path: '/_matrix/client/v3/pushers/set',
    auth: 'user',
    whileSuspended: true,
    limit: 'session',
    body: Type.Object({
      kind: Type.Union([Type.String(), Type.Null()]),
      app_id: Type.String(),
      pushkey: Type.String(),
      app_display_name: Text,
      device_display_name: Text,
      profile_tag: Type.Optional(Type.Union([Type.String({ maxLength: 1024 }), Type.Null()])),
      lang: Text,
      data: Type.Optional(Type.Unsafe<JsonObject>(Type.Object({}))),
      append: Type.Optional(Type.Boolean()),
    }),
    reply: Type.Object({}),
    handle: async ({ session, body }) => {
      const { kind, app_id: appId } = body
      checkKeys(appId, body.pushkey)
      const pushkey = appId === mailApp ? body.pushkey.trim().toLowerCase() : body.pushkey
      if (kind === null) {
        await pushers.delete(session.user, appId, pushkey)
        return {}
      }
      if (kind !== 'http' && kind !== 'email')
        throw new MatrixError('M_INVALID_PARAM', '"kind" can be "http" or "email"')
      if ((kind === 'email') !== (appId === mailApp))
        throw new MatrixError('M_INVALID_PARAM', `The "app_id" of mail is "${mailApp}"`)
      if (kind === 'email') {
        if (!ownsAddress) throw new MatrixError('M_INVALID_PARAM', 'This server sends no mail')
        if (!(await ownsAddress(session.user, pushkey)))
          throw new MatrixError('M_THREEPID_NOT_FOUND', 'This is not a confirmed mail address of yours')
      }
      const data = needed(body.data, 'data')
      await pushers.set(
        session,
        {
          kind,
          appId,
          pushkey,
          appName: needed(body.app_display_name, 'app_display_name'),
          deviceName: needed(body.device_display_name, 'device_display_name'),
          profileTag: body.profile_tag ?? undefined,
          lang: needed(body.lang, 'lang'),
          data: kind === 'email' ? checkMailData(data) : checkData(data, gateways),
          // Somebody else's mail is not ended by having the same address.
        },
        kind === 'email' || (body.append ?? false),
      )
      return {}
    },
  }),
]
