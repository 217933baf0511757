import type { RoomEvent } from '../../matrix/event.ts'
import { isObject, own, type Json } from '../../matrix/json.ts'
import { relationOf } from '../../matrix/relations.ts'

/** The keys that can be searched, as clients name them. */
export const searchKeys = ['content.body', 'content.name', 'content.topic'] as const
export type SearchKey = (typeof searchKeys)[number]

/** What of an event is searched. */
export interface Searched {
  readonly key: SearchKey
  readonly text: string
}

const searched = (key: SearchKey, ...values: ReadonlyArray<Json | undefined>): Searched | undefined => {
  const texts = new Set(values.filter((value): value is string => typeof value === 'string' && value !== ''))
  return texts.size > 0 ? { key, text: [...texts].join('\n') } : undefined
}

/** The plain text of a topic in the extensible form. */
function plainTopic(content: Json | undefined): Json | undefined {
  const forms = own(own(content, 'm.topic'), 'm.text')
  const plain = Array.isArray(forms)
    ? forms.find((form) => [undefined, 'text/plain'].includes(own(form, 'mimetype') as string | undefined))
    : undefined // any type is compared
  return own(plain, 'body')
}

/**
 * What of an event is searched; undefined for all that is not, such as what is encrypted, and edits, which count as part of what they edit.
 * @see https://spec.matrix.org/v1.19/client-server-api/#room_events
 */
export function searchedIn({
  type,
  stateKey,
  content,
}: Pick<RoomEvent, 'type' | 'stateKey' | 'content'>): Searched | undefined {
  if (type === 'm.room.message' && stateKey === undefined) {
    return isEdit({ content }) ? undefined : searched('content.body', own(content, 'body'))
  }
  if (type === 'm.room.name' && stateKey === '') return searched('content.name', own(content, 'name'))
  return type === 'm.room.topic' && stateKey === ''
    ? searched('content.topic', own(content, 'topic'), plainTopic(content))
    : undefined
}

export const isEdit = (event: Pick<RoomEvent, 'content'>): boolean => relationOf(event)?.relType === 'm.replace'

/** What of an edited message is searched. Whether the edit is valid is not known here. */
export function searchedInEdit({ content }: Pick<RoomEvent, 'content'>): Searched | undefined {
  const edited = own(content, 'm.new_content')
  return isObject(edited) ? searched('content.body', own(edited, 'body')) : undefined
}
