import { type Static, Type } from 'typebox'
import type { Route, Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { AdminApiDeps } from '../deps.ts'
import { adminRoute } from './route.ts'
import { anyAccount } from './user.ts'

const path = '/_synapse/admin/v1/send_server_notice'
const Body = Type.Object({
  user_id: Type.String(),
  content: Type.Unsafe<JsonObject>(Type.Object({})),
  type: Type.Optional(Type.String()),
  state_key: Type.Optional(Type.String()),
})
const Sent = Type.Object({ event_id: Type.String() })

/** What administrators say to somebody in the name of the server. */
export const noticeRoutes = (deps: AdminApiDeps): Route[] => {
  const send = async (body: Static<typeof Body>, session: Session, txnId?: string): Promise<Static<typeof Sent>> => {
    const { nid, userId, deactivated } = await anyAccount(deps, body.user_id)
    if (deactivated) throw new MatrixError('M_USER_DEACTIVATED', 'This account has been deactivated')
    const event_id = await deps.notices.sendEvent(
      { nid, userId },
      {
        type: body.type ?? 'm.room.message',
        content: body.content,
        stateKey: body.state_key,
        ...(txnId !== undefined && { transaction: { device: session.device ?? -session.tokenId, id: txnId } }),
      },
    )
    return { event_id }
  }
  const target = (body: Static<typeof Body>): string => body.user_id
  return [
    adminRoute(deps, {
      id: 'adminSendServerNotice',
      method: 'POST',
      path,
      target,
      body: Body,
      reply: Sent,
      handle: ({ session, body }) => send(body, session),
    }),
    /** Sent once for each transaction id. */
    adminRoute(deps, {
      id: 'adminPutServerNotice',
      method: 'PUT',
      path: `${path}/:txnId`,
      target,
      params: Type.Object({ txnId: Type.String() }),
      body: Body,
      reply: Sent,
      handle: ({ session, params, body }) => send(body, session, params.txnId),
    }),
  ]
}
