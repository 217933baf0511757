import { readRoomAccountData } from '../store.ts'
import { bits, roomsFor, roomsText, type ExtensionAnswer, type ExtensionContext } from './extension.ts'

/** What the user keeps on the server: all of it at first, then what changes. Of rooms, those that are wanted. */
export async function accountData(context: ExtensionContext): Promise<ExtensionAnswer | undefined> {
  const { deps, session, request, connection, until } = context
  const wish = request.extensions.account_data
  if (!wish?.enabled) return undefined
  const since = (connection.extensions & bits.accountData) === 0 ? 0 : (context.since ?? 0)
  const news = since === until ? undefined : await deps.accountData.since(session.user, since, until)
  const global = (news?.global ?? []).map(({ type, content }) => JSON.stringify({ type, content }))

  const texts = new Map<string, string[]>()
  const behind = new Map<number, { readonly id: string; readonly from: number }>()
  for (const { nid, id, from = 0 } of roomsFor(context, wish, bits.accountData)) {
    if (from < since) behind.set(nid, { id, from })
    else
      for (const event of news?.rooms.get(nid) ?? [])
        put(texts, id, JSON.stringify({ type: event.type, content: event.content }))
  }
  for (const row of behind.size > 0
    ? await readRoomAccountData(deps.database.read, session.user, [...behind.keys()])
    : []) {
    const room = behind.get(row.room_nid)
    if (room && row.position > room.from && row.position <= until)
      put(texts, room.id, `{"type":${JSON.stringify(row.type)},"content":${row.content}}`)
  }
  const rooms = new Map([...texts].map(([id, events]) => [id, `[${events.join(',')}]`]))
  if (global.length === 0 && rooms.size === 0) return undefined
  return { text: `"account_data":{"global":[${global.join(',')}],${roomsText(rooms)}}`, isNews: true }
}

function put(texts: Map<string, string[]>, id: string, event: string): void {
  const list = texts.get(id)
  if (list) list.push(event)
  else texts.set(id, [event])
}
