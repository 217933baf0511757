import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { accountOf, mustBeAdmin } from '../account.ts'
import type { AdminDeps } from '../deps.ts'

const Connection = Type.Object({
  ip: Type.Optional(Type.String()),
  last_seen: Type.Integer(),
  user_agent: Type.Optional(Type.String()),
})
const Session = Type.Object({ connections: Type.Array(Connection) })
const Device = Type.Object({ sessions: Type.Array(Session) })

export const whoisRoutes = (deps: AdminDeps): Route[] => [
  /**
   * Where somebody is signed in: for themselves and for administrators.
   * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3adminwhoisuserid
   */
  route({
    id: 'getWhoIs',
    method: 'GET',
    path: '/_matrix/client/v3/admin/whois/:userId',
    paths: ['/_synapse/admin/v1/whois/:userId'],
    auth: 'user',
    params: Type.Object({ userId: Type.String() }),
    reply: Type.Object({ user_id: Type.String(), devices: Type.Record(Type.String(), Device) }),
    handle: async ({ session, params: { userId } }) => {
      if (userId !== session.userId) mustBeAdmin(session)
      const devices = await deps.devices.list((await accountOf(deps, userId)).nid)
      return {
        user_id: userId,
        devices: Object.fromEntries(
          devices.map(({ deviceId, lastSeenIp, lastSeenTs, userAgent }) => [
            deviceId,
            {
              sessions: [
                {
                  connections: [
                    {
                      ...(lastSeenIp !== null && { ip: lastSeenIp }),
                      last_seen: lastSeenTs,
                      ...(userAgent !== null && { user_agent: userAgent }),
                    },
                  ],
                },
              ],
            },
          ]),
        ),
      }
    },
  }),
]
