import { MatrixError } from '../../matrix/errors.ts'
import { parseUserId } from '../../matrix/ids.ts'
import { isObject, type JsonObject } from '../../matrix/json.ts'
import type { Memory } from '../../storage/index.ts'
import type { RemoteProfiles } from '../../users/index.ts'
import { asClientError } from '../remote-error.ts'
import type { Wires } from '../wires.ts'

/** A profile is 64 KiB at most. */
const largest = 128 * 1024
/** So long a profile is not asked for again. */
const keepMs = 60_000

/** A display name and an address of a picture are texts, or they are not there: clients have been seen to break over less. */
function cleaned(profile: JsonObject): JsonObject {
  const { displayname: name, avatar_url: avatar, ...rest } = profile
  return {
    ...rest,
    ...(typeof name === 'string' && { displayname: name }),
    ...(typeof avatar === 'string' && { avatar_url: avatar }),
  }
}

/**
 * What users of other servers say of themselves.
 * @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1queryprofile
 */
export function remoteProfiles({ client }: Pick<Wires, 'client'>, memory: Memory, now: () => number): RemoteProfiles {
  const known = memory.cache<string, { profile: Promise<JsonObject>; until: number; bytes: number }>({
    name: 'profiles elsewhere',
    weigh: ({ bytes }) => bytes,
    share: 1 / 50,
  })
  const ask = async (userId: string, server: string): Promise<JsonObject> => {
    try {
      const answer = await client.ask(server, {
        path: '/_matrix/federation/v1/query/profile',
        query: { user_id: userId },
        maxBytes: largest,
        timeoutMs: 10_000,
      })
      return isObject(answer) ? cleaned(answer) : {}
    } catch (error) {
      throw asClientError(error)
    }
  }
  return {
    get: (userId) => {
      const server = parseUserId(userId)?.serverName
      if (server === undefined) return Promise.reject(new MatrixError('M_NOT_FOUND', 'Profile not found'))
      const kept = known.get(userId)
      if (kept && kept.until > now()) return kept.profile
      const profile = ask(userId, server)
      const entry = { profile, until: now() + keepMs }
      known.set(userId, { ...entry, bytes: 500 })
      profile.then(
        (got) => known.set(userId, { ...entry, bytes: 2 * JSON.stringify(got).length }),
        // What went wrong is not kept: the client that tries again has a reason to.
        () => known.delete(userId),
      )
      return profile
    },
  }
}
