import { MatrixError } from '../matrix/errors.ts'
import { isObject, type JsonObject, own } from '../matrix/json.ts'
import { levelFor, powerLevelOf, type PowerLevels } from '../matrix/power-levels.ts'
import type { Aliases } from './deps.ts'
import { invite, join, kick, leave, type MembershipDeps, membershipOf, powerLevelsOf } from './membership.ts'
import type { Draft, Room } from '../events/index.ts'
import { setState } from './send.ts'

type Who = Draft['sender']

export interface PlacementDeps extends MembershipDeps {
  readonly aliases: Pick<Aliases, 'resolve'>
}

/** Brings people into rooms, and out of them, for reasons that are the server's and not a member's: the groups of an identity provider. */
export interface Placements {
  /**
   * Sees to it that the user is in the room (by alias or id), and has the power `give`. `given` is what was given before: a power that
   * is neither that nor the usual one was set by hand, and stays. Resolves to the room's id; undefined where there is no such room, or
   * nobody of this server in it may let people in.
   */
  enter(user: Who, room: string, power: { give: number | null; given: number | null }): Promise<string | undefined>
  /**
   * Brings the user into the room, as anybody could come in or else by an invitation of a member of this server.
   * @throws MatrixError M_NOT_FOUND for a room that is not there, M_FORBIDDEN when it keeps the user out
   */
  admit(user: Who, room: string): Promise<Room>
  /**
   * Gives the user as much power as the most powerful member of this server has, and invites them where they are not in the room.
   * @throws MatrixError M_NOT_FOUND, M_FORBIDDEN when nobody here has the power for that
   */
  promote(user: Who, room: string): Promise<void>
  /** The local member with most power, if that is enough to do this in the room. */
  hostOf(room: Room, action: 'redact' | 'invite' | 'kick'): Promise<Who | undefined>
  /** Takes back the power that was given, if it is still that one, and with `out` puts the user out. */
  leave(user: Who, roomId: string, change: { given: number | null; out: boolean }): Promise<void>
}

const isRefusal = (error: unknown): error is MatrixError => error instanceof MatrixError && error.status < 500

/** Opens the one way in which this server itself moves people: what is done is done in the name of the member with most power. */
export const openPlacements = (deps: PlacementDeps): Placements => {
  const { rooms, users } = deps

  const find = async (room: string): Promise<Room | undefined> => {
    if (!room.startsWith('#')) return rooms.find(room)
    const nid = await deps.aliases.resolve(room)
    return nid === undefined ? undefined : rooms.byNid(nid)
  }

  /** The local member with most power, if that is enough. */
  const somebodyWith = async (room: Room, levels: PowerLevels, needed: number): Promise<Who | undefined> => {
    let best: { who: Who; power: number } | undefined
    for (const nid of room.joined) {
      const account = await users.account(nid)
      const power = account && !account.deactivated ? powerLevelOf(levels, account.userId) : -Infinity
      if (account && power >= needed && power > (best?.power ?? -Infinity))
        best = { who: { nid, userId: account.userId }, power }
    }
    return best?.who
  }

  /** Joins as anybody could, or else after an invitation. @throws MatrixError when the room keeps the user out */
  const letIn = async (room: Room, user: Who): Promise<void> => {
    try {
      await join(deps, user, room)
    } catch (error) {
      if (!isRefusal(error)) throw error
      const levels = await powerLevelsOf(rooms, room)
      const host = await somebodyWith(room, levels, levels.invite)
      if (!host) throw error
      await invite(deps, host, room, user.userId)
      await join(deps, user, room)
    }
  }

  const setPower = async (
    room: Room,
    user: Who,
    change: (levels: PowerLevels, now: number | undefined) => number | undefined,
  ): Promise<void> => {
    const levels = await powerLevelsOf(rooms, room)
    const [now, wanted] = [levels.users.get(user.userId), change(levels, levels.users.get(user.userId))]
    if (now === wanted || levels.creators.has(user.userId)) return
    const setter = await somebodyWith(
      room,
      levels,
      Math.max(levelFor(levels, 'm.room.power_levels', true), wanted ?? 0, (now ?? 0) + 1),
    )
    if (!setter) return
    const content: JsonObject = (await rooms.stateEvent(room, 'm.room.power_levels', ''))?.event.content ?? {}
    const before = own(content, 'users')
    const { [user.userId]: _, ...others } = isObject(before) ? before : {}
    await setState(rooms, room, setter, 'm.room.power_levels', '', {
      ...content,
      users: wanted === undefined ? others : { ...others, [user.userId]: wanted },
    })
  }

  /** What is done to a room one after the other: levels are read, and then written with what was read. */
  const turns = new Map<number, Promise<unknown>>()
  const inTurn = <T>(room: Room, work: () => Promise<T>): Promise<T> => {
    const done = (turns.get(room.nid) ?? Promise.resolve()).then(work, work)
    turns.set(room.nid, done)
    const end = (): void => {
      if (turns.get(room.nid) === done) turns.delete(room.nid)
    }
    done.then(end, end)
    return done
  }

  const mustFind = async (name: string): Promise<Room> => {
    const room = await find(name)
    if (!room) throw new MatrixError('M_NOT_FOUND', 'There is no such room')
    return room
  }

  return {
    hostOf: async (room, action) => {
      const levels = await powerLevelsOf(rooms, room)
      return somebodyWith(room, levels, levels[action])
    },
    admit: async (user, name) => {
      const room = await mustFind(name)
      await letIn(room, user)
      return room
    },
    promote: async (user, name) => {
      const room = await mustFind(name)
      const levels = await powerLevelsOf(rooms, room)
      const host = await somebodyWith(room, levels, levelFor(levels, 'm.room.power_levels', true))
      if (!host) throw new MatrixError('M_FORBIDDEN', 'Nobody of this server in this room may give power to anybody')
      // A creator's power is without bounds, and cannot be given.
      const most = Math.min(powerLevelOf(levels, host.userId), Math.max(100, ...levels.users.values()))
      await inTurn(room, () => setPower(room, user, (_, now) => Math.max(now ?? most, most)))
      const membership = membershipOf(room, user.nid)
      if (membership === 'join' || membership === 'invite' || room.summary.joinRule === 'public') return
      if (powerLevelOf(levels, host.userId) < levels.invite)
        throw new MatrixError('M_FORBIDDEN', 'Nobody of this server in this room may invite anybody')
      await invite(deps, host, room, user.userId)
    },
    enter: async (user, name, { give, given }) => {
      const room = await find(name)
      if (!room || membershipOf(room, user.nid) === 'ban') return undefined
      return inTurn(room, async () => {
        // First the power and then the join: nobody sees a member without it, who could not do yet what the group may.
        const before = (await powerLevelsOf(rooms, room)).users.get(user.userId)
        try {
          await setPower(room, user, (_, now) => (now === undefined || now === given ? (give ?? undefined) : now))
        } catch (error) {
          if (!isRefusal(error)) throw error
        }
        try {
          await letIn(room, user)
        } catch (error) {
          if (!isRefusal(error)) throw error
          if (room.joined.has(user.nid)) return room.id
          await setPower(room, user, () => before)
          return undefined
        }
        return room.id
      })
    },
    leave: async (user, roomId, { given, out }) => {
      const room = await rooms.find(roomId)
      if (!room) return
      if (given !== null) await inTurn(room, () => setPower(room, user, (_, now) => (now === given ? undefined : now)))
      const membership = membershipOf(room, user.nid)
      if (!out || (membership !== 'join' && membership !== 'invite')) return
      const levels = await powerLevelsOf(rooms, room)
      const host = await somebodyWith(room, levels, Math.max(levels.kick, powerLevelOf(levels, user.userId) + 1))
      const reason = 'Not in the group any more'
      // Nobody is needed to leave: where nobody may put the user out, they go by themselves.
      if (host) await kick(deps, host, room, user.userId, { reason })
      else await leave(deps, user, room, { reason })
    },
  }
}
