import type { Session } from '../../http/index.ts'
import { everything } from '../../matrix/filter.ts'
import { enter, readPage, stateIn, type View } from '../../history/index.ts'
import type { PlainEvent } from '../deps.ts'
import type { OldSyncDeps } from './deps.ts'

export const mostMessages = 100

/** A room as `initialSync` describes it, as JSON text: its newest messages and its state, as far as the user may see them. */
export async function roomInfo(
  deps: OldSyncDeps,
  session: Session,
  view: View,
  limit: number,
  accountData: readonly PlainEvent[],
): Promise<string> {
  const { room, stay } = view
  const reader = { session, device: session.device, now: deps.now(), withRoomId: true }
  const page =
    limit === 0
      ? []
      : (
          await readPage(deps, view, {
            dir: 'b',
            from: undefined,
            to: undefined,
            limit,
            filter: everything.room.timeline,
          })
        ).events.toReversed()
  const state = await deps.rooms.events.many([...(await stateIn(deps, view)).values()])
  const [chunk, states] = [
    await deps.history.serialise(page, reader),
    await deps.history.serialise(state, { ...reader, lean: true }),
  ]
  const membership = room.members.get(session.user)?.membership
  const [first] = page
  return (
    `{"room_id":${JSON.stringify(room.id)}${membership && membership !== 'knock' ? `,"membership":"${membership}"` : ''}` +
    `,"visibility":"${room.published ? 'public' : 'private'}"` +
    `,"messages":{${first ? `"start":"${first.position - 1}",` : ''}"end":"${stay.end?.position ?? deps.log.now}","chunk":[${chunk.join(',')}]}` +
    `,"state":[${states.join(',')}],"account_data":${JSON.stringify(accountData)}}`
  )
}

/** @throws {MatrixError} M_FORBIDDEN */
export async function oneRoom(deps: OldSyncDeps, session: Session, roomId: string, limit: number): Promise<string> {
  const view = await enter(deps, session, roomId)
  const { rooms } = await deps.accountData.since(session.user, 0, deps.log.now)
  return roomInfo(deps, session, view, limit, rooms.get(view.room.nid) ?? [])
}

/** All rooms that the user has to do with, those that were left only with `archived`. */
export async function allRooms(
  deps: OldSyncDeps,
  session: Session,
  wish: { limit: number; archived: boolean },
): Promise<string> {
  const until = deps.log.now
  const accountData = await deps.accountData.since(session.user, 0, until)
  const ignored = await deps.accountData.ignored(session.user)
  const rooms: string[] = []
  for (const [nid, { membership, forgotten, event }] of await deps.rooms.of(session.user)) {
    const room = await deps.rooms.byNid(nid)
    if (!room || forgotten) continue
    if (membership === 'invite') {
      const invite = await deps.rooms.events.get(event)
      if (!invite || ignored.has(invite.event.sender)) continue
      const [text] = await deps.history.serialise([invite], {
        session,
        device: session.device,
        now: deps.now(),
        withRoomId: true,
        lean: true,
      })
      rooms.push(`{"room_id":${JSON.stringify(room.id)},"membership":"invite","invite":${text}}`)
    } else if (membership === 'join' || (wish.archived && membership !== 'knock')) {
      const stay = await deps.history.sight.stayOf(session, nid)
      if (stay.joined || stay.end)
        rooms.push(await roomInfo(deps, session, { room, session, stay }, wish.limit, accountData.rooms.get(nid) ?? []))
    }
  }
  const presence = await deps.presence.since(session.user, 0, until)
  return (
    `{"end":"${until}","rooms":[${rooms.join(',')}],"presence":${JSON.stringify(presence)},` +
    `"receipts":[],"account_data":${JSON.stringify(accountData.global)}}`
  )
}
