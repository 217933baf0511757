import { MatrixError } from '../matrix/errors.ts'
import { buildEvent } from '../matrix/event-build.ts'
import type { RoomVersion } from '../matrix/room-version.ts'
import type { Sequence } from '../storage/index.ts'
import { append, type AppendDeps } from './append.ts'
import { Recent } from './recent.ts'
import { emptySummary, type Head, type Room } from './room.ts'
import { outlineOf, type Draft } from './stage.ts'

/** First events of a room: the create event, and what follows it. */
export type FirstDrafts = readonly [Draft, ...Draft[]]

/** Makes rooms, each of its first events, as one change. */
export function roomMaker(
  deps: AppendDeps,
  roomIds: Sequence,
): (version: RoomVersion, drafts: FirstDrafts) => Promise<Room> {
  /** Ids of rooms that are just being made, which are in no table yet. */
  const underWay = new Set<string>()

  /** Where the create event's id is the room's, two of them must not be alike: the later one is made a little later. */
  const freeIdAndTime = async (version: RoomVersion, create: Draft): Promise<{ id: string; ts: number }> => {
    let ts = create.ts ?? deps.now()
    for (;;) {
      const id = version.createIsRoomId ? idOfCreate(deps, version, create, ts) : randomRoomId(deps)
      if (!underWay.has(id)) {
        underWay.add(id)
        if (!version.createIsRoomId || !(await deps.heads.byId(id))) return { id, ts }
        underWay.delete(id)
      }
      ts += 1
    }
  }

  return async (version, [create, ...others]) => {
    if (create.type !== 'm.room.create') throw new MatrixError('M_BAD_JSON', 'A room begins with its create event')
    const { id, ts } = await freeIdAndTime(version, create)
    const room = emptyHead({ nid: roomIds.next(), id, version, creator: create.sender.nid, createdTs: ts })
    deps.heads.add(room)
    deps.heads.hold(room)
    try {
      await append(deps, room, [{ ...create, ts }, ...others], { creating: true })
      return (await deps.heads.get(room.nid)) ?? room
    } catch (error) {
      deps.heads.kill(room)
      throw error
    } finally {
      deps.heads.settle(room)
      underWay.delete(id)
    }
  }
}

const randomRoomId = ({ randomId, serverName }: AppendDeps): string =>
  `!${randomId()
    .replaceAll(/[^A-Za-z0-9]/g, '')
    .slice(0, 18)}:${serverName}`

function idOfCreate(deps: AppendDeps, version: RoomVersion, create: Draft, ts: number): string {
  const fields = { ...outlineOf(create), roomId: '', prevEvents: [], authEvents: [], depth: 1, ts }
  return buildEvent(fields, version, deps.serverName, deps.signingKey).event.roomId
}

/** The room's head before its first event. */
export const emptyHead = (room: Pick<Room, 'nid' | 'id' | 'version' | 'creator' | 'createdTs'>): Head => ({
  ...room,
  chain: [],
  state: new Map(),
  members: new Map(),
  joined: new Set(),
  invited: 0,
  extremities: [],
  latestPosition: 0,
  bumpPosition: 0,
  published: false,
  summary: emptySummary,
  recent: new Recent([]),
  pending: 0,
  dead: false,
  whenSettled: [],
})
