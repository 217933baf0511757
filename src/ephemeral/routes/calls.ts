import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { turnCredentials, type TurnConfig } from '../turn.ts'

export interface CallRouteDeps {
  readonly turn: TurnConfig
  /** The servers that calls of several people run over, each with its `type`. */
  readonly rtcTransports: readonly { readonly [key: string]: unknown }[]
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** Where calls run over. */
export const callRoutes = ({ turn, rtcTransports, now }: CallRouteDeps): Route[] => [
  /**
   * Not for guests: whoever has the answer can send data through the TURN server.
   * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3voipturnserver
   */
  route({
    id: 'getTurnServer',
    method: 'GET',
    path: '/_matrix/client/v3/voip/turnServer',
    auth: 'user',
    limit: 'session',
    reply: Type.Object({
      uris: Type.Array(Type.String()),
      username: Type.String(),
      password: Type.String(),
      ttl: Type.Integer(),
    }),
    handle: ({ session }) => {
      if (turn.uris.length === 0) throw new MatrixError('M_NOT_FOUND', 'This server has no TURN server')
      return turnCredentials(turn, session.userId, now())
    },
  }),
  /** MSC4143, as Element Call asks. */
  route({
    id: 'getRtcTransports',
    method: 'GET',
    path: '/_matrix/client/unstable/org.matrix.msc4143/rtc/transports',
    auth: 'user',
    reply: Type.Object({ rtc_transports: Type.Array(Type.Record(Type.String(), Type.Unknown())) }),
    handle: () => ({ rtc_transports: rtcTransports.map((transport) => ({ ...transport })) }),
  }),
]
