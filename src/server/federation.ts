// The doors that other servers come in by, and telling them what happens. Nothing of federation/ is loaded where it is off.
import type { Room } from '../events/index.ts'
import { authoriserFor, mustTakeInvites } from '../rooms/index.ts'
import type { Abroad } from './abroad.ts'
import type { Foundations } from './foundations.ts'
import type { People } from './people.ts'
import type { RoomStorey } from './rooms.ts'

/** Opens the doors for other servers, and begins to tell them what happens. */
export async function openFederation(
  stack: AsyncDisposableStack,
  abroad: Abroad | undefined,
  ground: Foundations,
  { users, devices }: People,
  { rooms, ephemeral, aliases, media, roomDeps }: RoomStorey,
) {
  if (!abroad) return { routes: [] }
  const { federationRoutes, openOutbound, openRoomServers, remoteEvents, inviteRoutes, joinRoutes, openJoins } =
    await import('../federation/index.ts')
  const { wires } = abroad
  const roomServers = openRoomServers({ ...ground, memory: ground.database.memory, rooms, users })
  const outbound = stack.use(
    await openOutbound({
      ...ground,
      wires,
      rooms,
      users,
      devices,
      roomServers,
      typing: ephemeral.typing,
      count: ground.metrics?.count,
    }),
  )
  ground.metrics?.follow({
    destinations: () => outbound.destinations.values(),
    failing: () => wires.reach.failing().size,
  })
  const receive = stack.use(
    await rooms.openReceiver({
      keys: wires.keys,
      remote: remoteEvents(wires.client),
      membersMoved: (room) => roomServers.forget(room),
      logger: ground.logger,
      onResolved: ground.metrics?.onResolved,
    }),
  )
  const vouch = async (room: Room, userId: string): Promise<string | undefined> =>
    authoriserFor(roomDeps, { nid: await users.intern(userId) }, room)
  const invites = {
    ...ground,
    client: wires.client,
    rooms,
    users,
    receiver: receive,
    mustTakeInvite: (target: string) => mustTakeInvites(users, target),
  }
  abroad.parts = {
    outbound,
    roomServers,
    receiver: receive,
    invites,
    joins: openJoins({ ...ground, client: wires.client, receiver: receive }),
    elsewhere: { ...ground, client: wires.client, receiver: receive },
  }
  return {
    routes: [
      ...inviteRoutes(invites),
      ...joinRoutes({
        ...ground,
        rooms,
        receiver: receive,
        vouch,
        forward: (stored, but) => outbound.forward(stored, but),
      }),
      ...federationRoutes({
        ...ground,
        wires,
        users,
        rooms,
        devices,
        ephemeral,
        receive,
        aliases,
        roomServers,
        media: media.forServers,
      }),
    ],
  }
}
