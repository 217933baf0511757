import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import type { RoomsRouteDeps } from '../deps.ts'
import { joinedRoom } from '../membership.ts'
import type { Room } from '../../events/index.ts'
import type { Successions } from '../successions.ts'
import { upgradeRoom } from '../upgrade.ts'
import { RoomParams } from './shapes.ts'

export interface UpgradeRouteDeps extends RoomsRouteDeps {
  readonly successions: Successions
}

const Upgrade = Type.Object({
  new_version: Type.String(),
  additional_creators: Type.Optional(Type.Array(Type.String(), { maxItems: 500 })),
})

export const upgradeRoutes = (deps: UpgradeRouteDeps): Route[] => {
  /** A second press on the button gets the room of the first. */
  const underWay = new Map<string, Promise<Room>>()
  return [
    /** @see https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidupgrade */
    route({
      id: 'upgradeRoom',
      method: 'POST',
      path: '/_matrix/client/v3/rooms/:roomId/upgrade',
      auth: 'user',
      limit: 'heavy',
      params: RoomParams,
      body: Upgrade,
      reply: Type.Object({ replacement_room: Type.String() }),
      handle: async ({ session, params, body }) => {
        const room = await joinedRoom(deps.rooms, params.roomId, session.user)
        const wish = { version: body.new_version, additionalCreators: body.additional_creators ?? [] }
        const key = JSON.stringify([room.nid, session.user, wish])
        let upgrade = underWay.get(key)
        if (!upgrade) {
          upgrade = upgradeRoom(deps, { nid: session.user, userId: session.userId }, room, wish).finally(() =>
            underWay.delete(key),
          )
          underWay.set(key, upgrade)
        }
        const successor = await upgrade
        // The upgrader joined before the old room named the new one.
        await deps.successions.carryOver(session.user, successor)
        return { replacement_room: successor.id }
      },
    }),
  ]
}
