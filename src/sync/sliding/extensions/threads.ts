import { threadUpdates, updatesText } from '../thread-updates.ts'
import type { ExtensionAnswer, ExtensionContext } from './extension.ts'

/** The extension's name while it is a proposal. */
export const threadsName = 'io.element.msc4360.threads'

const most = 100

/** Threads, in any of the user's rooms, in which something was said that the client is not told otherwise. */
export async function threads({
  deps,
  session,
  request,
  memberships,
  since,
  until,
  answered,
}: ExtensionContext): Promise<ExtensionAnswer | undefined> {
  const wish = request.extensions[threadsName]
  if (!wish?.enabled || since === undefined || since === until) return undefined
  const updates = await threadUpdates(deps, {
    session,
    memberships,
    since,
    until,
    limit: Math.min(wish.limit ?? most, most),
    withRoots: wish.include_roots ?? false,
    told: new Set([...answered.shown.values()].flat()),
  })
  if (updates.rooms.size === 0) return undefined
  const next = updates.next === undefined ? '' : `,"prev_batch":"${updates.next}"`
  return { text: `${JSON.stringify(threadsName)}:{"updates":${updatesText(updates)}${next}}`, isNews: true }
}
