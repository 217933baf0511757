import type { Receiver, Room } from '../../events/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { own, type Json, type JsonObject } from '../../matrix/json.ts'
import { remotePath } from '../client.ts'
import { asClientError, RemoteError } from '../remote-error.ts'
import { makeMember, type HandshakeDeps } from './handshake.ts'

export interface JoinDeps extends HandshakeDeps {
  readonly receiver: Pick<Receiver, 'importRoom'>
  readonly logger: { info(details: object, message: string): void }
}

/** Brings users of this server into rooms elsewhere. */
export interface RemoteJoins {
  /**
   * Joins by the first of the servers that lets the user in. Two joins of one user and room are one.
   * @throws {MatrixError} what the last of the servers said, as clients may be told; M_NOT_FOUND when there is none to ask
   */
  join(wish: {
    readonly roomId: string
    readonly userId: string
    readonly servers: readonly string[]
    readonly content: JsonObject
  }): Promise<Room>
}

/** A state of many thousand members, with what it rests on. */
const largestState = 128 * 1024 * 1024
const joinTimeoutMs = 180_000

export function openJoins(deps: JoinDeps): RemoteJoins {
  const underWay = new Map<string, Promise<Room>>()
  /** Rooms are taken over one after the other. */
  const turns = new Map<string, Promise<unknown>>()

  const joinBy = async (server: string, roomId: string, userId: string, content: JsonObject): Promise<Room> => {
    const { event, pdu, version } = await makeMember(deps, server, { act: 'join', roomId, userId, content })
    const answer = await deps.client.ask(server, {
      method: 'PUT',
      path: remotePath('federation/v2/send_join', roomId, event.id),
      content: pdu,
      maxBytes: largestState,
      timeoutMs: joinTimeoutMs,
    })
    const list = (key: string): readonly Json[] => {
      const found = own(answer, key)
      return Array.isArray(found) ? found : []
    }
    return deps.receiver.importRoom({
      roomId,
      version,
      eventId: event.id,
      // Where somebody vouches for the user, their server has put its signature beside ours.
      join: own(answer, 'event') ?? pdu,
      state: list('state'),
      authChain: list('auth_chain'),
    })
  }

  const joinByAny = async (wish: Parameters<RemoteJoins['join']>[0]): Promise<Room> => {
    const { roomId, userId, servers, content } = wish
    let last: unknown
    for (const server of servers) {
      try {
        return await joinBy(server, roomId, userId, content)
      } catch (error) {
        if (!(error instanceof RemoteError) && !(error instanceof MatrixError)) throw error
        deps.logger.info(
          { server, room: roomId, user: userId, reason: error.message },
          'a server did not let somebody in',
        )
        // What it sent makes no room: that it did not do what it was asked is all that a client can be told.
        const isNoRoom = error instanceof MatrixError && error.status === 502
        last = isNoRoom ? new RemoteError(server, error.message, { status: 200, cause: error }) : error
      }
    }
    throw asClientError(last ?? new MatrixError('M_NOT_FOUND', 'No server is known that could let you into this room'))
  }

  return {
    join: (wish) => {
      const key = `${wish.roomId} ${wish.userId}`
      const running = underWay.get(key)
      if (running) return running
      const before = turns.get(wish.roomId) ?? Promise.resolve()
      const joining = before.then(
        () => joinByAny(wish),
        () => joinByAny(wish),
      )
      turns.set(wish.roomId, joining)
      underWay.set(key, joining)
      return joining.finally(() => {
        underWay.delete(key)
        if (turns.get(wish.roomId) === joining) turns.delete(wish.roomId)
      })
    },
  }
}
