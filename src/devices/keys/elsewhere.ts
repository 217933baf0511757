import { isUserId, serverOf, isLocalUser } from '../../matrix/ids.ts'
import type { Json, JsonObject } from '../../matrix/json.ts'
import type { RemoteDevices, RemoteKeys } from '../remote.ts'

export interface ElsewhereDeps {
  readonly serverName: string
  readonly remote?: RemoteDevices | undefined
}

/** What became of questions to other servers: what they said, and which did not. */
export interface Asked<T> {
  readonly failures: Record<string, JsonObject>
  readonly answers: readonly T[]
}

/** So long a client waits for other servers at most. */
const longestMs = 10_000
/** Why nothing is known of a server's users. */
const unreachable = { errcode: 'M_CONNECTION_FAILED', error: 'This server does not ask other servers for keys' }
const noAnswer = { errcode: 'M_UNKNOWN', error: 'The server did not answer' }

/** Asks every server whose users are wanted, all at once, each for its own. */
async function askAll<T, W>(
  { serverName, remote }: ElsewhereDeps,
  wanted: Readonly<Record<string, W>>,
  ask: (remote: RemoteDevices, server: string, of: Record<string, W>) => Promise<T>,
): Promise<Asked<T>> {
  const far = Object.keys(wanted).filter((userId) => !isLocalUser(userId, serverName) && isUserId(userId))
  const failures: Record<string, JsonObject> = {}
  const answers: T[] = []
  await Promise.all(
    [...Map.groupBy(far, serverOf)].map(async ([server, userIds]) => {
      if (!remote) {
        failures[server] = unreachable
        return
      }
      try {
        const of = Object.fromEntries(userIds.map((userId) => [userId, wanted[userId] as W])) // they are its own keys
        answers.push(await ask(remote, server, of))
      } catch {
        failures[server] = noAnswer
      }
    }),
  )
  return { failures, answers }
}

const within = (timeoutMs: number | undefined): number => Math.min(Math.max(timeoutMs ?? longestMs, 1000), longestMs)

/** Public keys of users of other servers. */
export const queryElsewhere = (
  deps: ElsewhereDeps,
  wanted: Readonly<Record<string, readonly string[]>>,
  timeoutMs: number | undefined,
): Promise<Asked<RemoteKeys>> =>
  askAll(deps, wanted, (remote, server, of) => remote.query(server, of, within(timeoutMs)))

/** One-time keys of their devices. */
export const claimElsewhere = (
  deps: ElsewhereDeps,
  wanted: Readonly<Record<string, Readonly<Record<string, string>>>>,
  timeoutMs: number | undefined,
): Promise<Asked<Readonly<Record<string, Json>>>> =>
  askAll(deps, wanted, (remote, server, of) => remote.claim(server, of, within(timeoutMs)))
