import { MatrixError } from '../matrix/errors.ts'
import { isObject, own, type JsonObject } from '../matrix/json.ts'
import type { Draft, Room } from '../events/index.ts'
import { madeByServer, noticesLocalpart } from '../users/index.ts'
import { type CreateDeps, createRoom, setMembership } from '../rooms/index.ts'
import type { Database } from '../storage/index.ts'

type Who = Draft['sender']

export interface NoticesDeps extends CreateDeps {
  readonly database: Database
}

export interface NoticeEvent {
  readonly type: string
  readonly content: JsonObject
  readonly stateKey?: string | undefined
  readonly transaction?: { readonly device: number; readonly id: string } | undefined
}

/** What administrators say to people in the name of the server. */
export interface Notices {
  /** Says something in the user's room for that, which is made when there is none. Resolves to the event id. */
  send(user: Who, text: string): Promise<string>
  /**
   * The same with any event. One that the device has sent with this transaction id before is not sent again.
   * @throws MatrixError M_INVALID_PARAM
   */
  sendEvent(user: Who, event: NoticeEvent): Promise<string>
}

const displayName = 'Server notices'
const tag = 'm.server_notice'
const longestText = 20_000

/** @see https://spec.matrix.org/v1.19/client-server-api/#server-notices */
export function openNotices(deps: NoticesDeps): Notices {
  const { database, users, rooms } = deps

  /** The account that speaks; nobody can sign in to it. */
  const speaker = async (): Promise<Who> => {
    const account =
      (await users.findByLocalpart(noticesLocalpart)) ??
      (await database.write((tx) =>
        users.create(tx, { localpart: noticesLocalpart, createdBy: madeByServer, displayName }),
      ))
    if (account.createdBy !== madeByServer)
      throw new MatrixError(
        'M_USER_IN_USE',
        `Somebody else has the name "${noticesLocalpart}", with which the server would speak`,
      )
    return { nid: account.nid, userId: account.userId }
  }

  const roomOf = async (sender: Who, user: Who): Promise<Room> => {
    for (const nid of (await rooms.of(user.nid)).keys()) {
      const room = await rooms.byNid(nid)
      if (room?.creator === sender.nid) return room
    }
    return createRoom(deps, sender, {
      name: displayName,
      preset: 'private_chat',
      powerLevels: { events_default: 50, state_default: 100, invite: 100 },
    })
  }

  /** The tag is how clients know the room. */
  const mark = async (user: Who, room: Room): Promise<void> => {
    const content: JsonObject = (await users.accountData.get(user.nid, room.nid, 'm.tag')) ?? {}
    const tags = own(content, 'tags')
    if (isObject(tags) && own(tags, tag)) return
    await users.accountData.set(user.nid, room.nid, 'm.tag', {
      ...content,
      tags: { ...(isObject(tags) && tags), [tag]: {} },
    })
  }

  const sendEvent: Notices['sendEvent'] = async (user, { type, content, stateKey, transaction }) => {
    const before = transaction && (await rooms.events.byTxn(transaction.device, transaction.id))
    const done = before?.find(({ event }) => event.type === type)
    if (done) return done.event.id
    const sender = await speaker()
    const room = await roomOf(sender, user)
    await mark(user, room)
    const membership = room.members.get(user.nid)?.membership
    if (membership !== 'join' && membership !== 'invite') await setMembership(deps, sender, room, user.userId, 'invite')
    const [stored] = await rooms.append(room, [
      {
        type,
        sender,
        content,
        ...(stateKey !== undefined && { stateKey }),
        ...(transaction && { device: transaction.device, txnId: transaction.id }),
      },
    ])
    if (!stored) throw new Error('Nothing was sent')
    return stored.event.id
  }

  return {
    sendEvent,
    send: async (user, text) => {
      if (text.trim() === '' || text.length > longestText)
        throw new MatrixError('M_INVALID_PARAM', `A notice has 1 to ${longestText} characters`)
      return sendEvent(user, { type: 'm.room.message', content: { msgtype: 'm.text', body: text } })
    },
  }
}
