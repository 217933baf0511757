// Third storey: what people do with each other. Rooms and their history, and what is said beside it.
import { join } from 'node:path'
import { openNotices } from '../admin/index.ts'
import { directoryRoutes, openAliases } from '../directory/index.ts'
import { callRoutes, ephemeralRoutes, openEphemeral } from '../ephemeral/index.ts'
import { mediaRoutes, openMedia } from '../media/index.ts'
import { openRooms } from '../events/index.ts'
import { historyRoutes, openHistory, searchRoutes, startIndexer } from '../history/index.ts'
import {
  createProfiles,
  createRoutes,
  delayedRoutes,
  departFromAll,
  membershipRoutes,
  openBlocks,
  openDelayed,
  openPlacements,
  openSender,
  openGuests,
  openSuccessions,
  type RoomsRouteDeps,
  sendRoutes,
  spreadProfile,
  type SuccessionsDeps,
  upgradeRoutes,
} from '../rooms/index.ts'
import { remoteHistory, remoteRooms, type Abroad } from './abroad.ts'
import type { Foundations } from './foundations.ts'
import type { People } from './people.ts'

/** What this storey needs of those above it. It is asked for only when all of them are open. */
export type RoomPorts = Pick<SuccessionsDeps, 'copyPushRules'>

export type RoomStorey = Awaited<ReturnType<typeof openRoomStorey>>

/** Opens rooms, their history, aliases, media, and what is told without being kept. */
export async function openRoomStorey(
  stack: AsyncDisposableStack,
  ground: Foundations,
  { users, appservices, queries }: People,
  { copyPushRules }: RoomPorts,
  abroad: Abroad | undefined,
) {
  const { config, database, log, onError } = ground
  const rooms = await openRooms({ ...ground, users })
  const history = openHistory({ ...ground, users, rooms, remote: abroad && remoteHistory(abroad) })
  const indexer = stack.use(await startIndexer({ rooms, database, log, onError }))
  const ephemeral = stack.use(openEphemeral({ ...ground, users, rooms, presence: config.presence }))
  const directory = config.database === 'sqlite::memory:' ? undefined : join(config.data_dir, 'media')
  const media = stack.use(
    await openMedia({ ...ground, config: config.media, directory, remote: abroad?.remotes.media }),
  )
  const aliases = openAliases({
    ...ground,
    rooms,
    users,
    services: { keeps: appservices.keepsAlias, owns: appservices.ownsAlias, summon: (alias) => queries.alias(alias) },
  })
  const blocks = await openBlocks(ground)
  const deps: RoomsRouteDeps = {
    ...ground,
    blocks,
    rooms,
    users,
    aliases,
    remote: abroad && remoteRooms(abroad),
    profiles: createProfiles(users),
    defaultRoomVersion: config.default_room_version,
  }
  const delayed = openDelayed({ ...ground, rooms, users, sender: openSender(deps) })
  const successions = stack.use(openSuccessions({ ...ground, rooms, users, copyPushRules }))
  stack.use(openGuests({ ...deps, onError }))
  users.onChange((account) => {
    if (account.deactivated) void departFromAll(deps, account, onError)
  })
  users.profiles.onChange((change) => spreadProfile(rooms, change, onError))
  return {
    rooms,
    history,
    aliases,
    blocks,
    roomDeps: deps,
    ephemeral,
    media,
    /** Rooms that others put people into, and take them out of. */
    placements: openPlacements(deps),
    notices: openNotices(deps),
    /** Fills the port of users/. */
    roomOf: async (roomId: string, user: number): Promise<number | undefined> => {
      const room = await rooms.find(roomId)
      return room?.members.has(user) ? room.nid : undefined
    },
    routes: [
      ...createRoutes(deps),
      ...membershipRoutes(deps),
      ...sendRoutes({ ...deps, delayed }),
      ...delayedRoutes(delayed),
      ...upgradeRoutes({ ...deps, successions }),
      ...historyRoutes({ ...deps, history }),
      ...searchRoutes({ ...deps, history, indexer }),
      ...directoryRoutes({ ...ground, rooms, users, aliases, remote: abroad?.remotes.directory }),
      ...ephemeralRoutes({ ephemeral, rooms, users, log }),
      ...mediaRoutes(media),
      ...callRoutes({ turn: config.turn, rtcTransports: config.rtc_transports, now: ground.now }),
    ],
  }
}
