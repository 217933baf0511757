import { roomsFor, roomsText, type ExtensionAnswer, type ExtensionContext } from './extension.ts'

/** Who types in the rooms that are wanted. */
export function typing(context: ExtensionContext): ExtensionAnswer | undefined {
  const {
    deps: {
      typing: typersIn,
      log: { tail },
    },
    request,
    since,
    until,
  } = context
  const wish = request.extensions.typing
  if (!wish?.enabled) return undefined
  const texts = new Map<string, string>()
  for (const { nid, id, from } of roomsFor(context, wish)) {
    const userIds = typersIn(nid)
    const isNew = from === undefined || since === undefined || !tail.covers(since)
    const changed = isNew
      ? userIds.length > 0
      : tail.lastOfRoom(nid) > since && tail.room(nid, since, until).some(({ kind }) => kind === 'typing')
    if (changed) texts.set(id, `{"type":"m.typing","content":${JSON.stringify({ user_ids: userIds })}}`)
  }
  if (texts.size === 0) return undefined
  return { text: `"typing":{${roomsText(texts)}}`, isNews: true }
}
