import { MatrixError } from '../../../matrix/errors.ts'
import type { ExtensionAnswer, ExtensionContext } from './extension.ts'

const most = 100

/**
 * Messages to the device, which are deleted when the client comes back with the token that came with them.
 * @throws {MatrixError} M_INVALID_PARAM
 */
export async function toDevice({
  deps,
  session,
  request,
  until,
}: ExtensionContext): Promise<ExtensionAnswer | undefined> {
  const wish = request.extensions.to_device
  if (!wish?.enabled || session.device === null) return undefined
  const events = await deps.toDevice.take(
    session.device,
    tokenIn(wish.since ?? undefined, until),
    until,
    Math.min(wish.limit ?? most, most),
  )
  return { text: `"to_device":{"next_batch":"${until}","events":${JSON.stringify(events)}}`, isNews: events.length > 0 }
}

function tokenIn(text: string | undefined, until: number): number | undefined {
  if (text === undefined || text === '') return undefined
  if (!/^\d{1,15}$/.test(text) || Number(text) > until)
    throw new MatrixError('M_INVALID_PARAM', 'to_device.since is not a token of this server')
  return Number(text)
}
