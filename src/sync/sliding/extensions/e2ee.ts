import { deviceLists, ownMoves } from '../../device-lists.ts'
import type { ExtensionAnswer, ExtensionContext } from './extension.ts'

/** What a client has to know to encrypt: whose devices changed, in all of its rooms, and what is left of its own keys. */
export async function e2ee({
  deps,
  session,
  request,
  since,
  until,
  memberships,
}: ExtensionContext): Promise<ExtensionAnswer | undefined> {
  if (!request.extensions.e2ee?.enabled) return undefined
  const span = { since: since ?? 0, until }
  const lists =
    since === undefined || since === until
      ? undefined
      : await deviceLists(deps, session.user, memberships, span, await ownMoves(deps, memberships, span))
  const parts = lists ? [`"device_lists":${JSON.stringify(lists)}`] : []
  if (session.device !== null) {
    const { counts, unusedFallback } = await deps.deviceLists.keys(session.device)
    parts.push(
      `"device_one_time_keys_count":${JSON.stringify(counts)}`,
      `"device_unused_fallback_key_types":${JSON.stringify(unusedFallback)}`,
    )
  }
  return { text: `"e2ee":{${parts.join(',')}}`, isNews: lists !== undefined }
}
