import { MatrixError } from '../../matrix/errors.ts'
import type { Devices } from '../../devices/index.ts'
import type { Sessions } from '../../sessions/index.ts'
import type { Database } from '../../storage/index.ts'
import type { Log } from '../../streams/index.ts'
import type { Users } from '../../users/index.ts'
import { addPersonalToken, forgetPersonalTokens, type PersonalToken, readPersonalTokens } from './store.ts'

export type { PersonalToken } from './store.ts'

/** Access tokens for bots and scripts, made by hand: each on a device of its own, with a name and an end. */
export interface PersonalTokens {
  /** The token is in the answer, and nowhere else. @throws MatrixError M_INVALID_PARAM, M_LIMIT_EXCEEDED, as the gate does */
  create(wish: {
    user: number
    name: string
    deviceId?: string | undefined
    /** ms; undefined: until somebody ends it. */
    expires?: number | undefined
    ip: string
  }): Promise<PersonalToken & { token: string }>
  list(user: number): Promise<PersonalToken[]>
  /** @throws MatrixError M_NOT_FOUND */
  revoke(user: number, deviceId: string): Promise<void>
}

const [most, longestName] = [50, 255]

export const openPersonalTokens = ({
  database,
  log,
  users,
  devices,
  sessions,
  now,
}: {
  database: Database
  log: Log
  users: Users
  devices: Devices
  sessions: Sessions
  now: () => number
}): PersonalTokens => {
  devices.onDelete({ within: (tx, gone) => forgetPersonalTokens(tx, gone) })
  sessions.onReopen((tx, device) => forgetPersonalTokens(tx, [device]))
  const list = (user: number): Promise<PersonalToken[]> => readPersonalTokens(database.read, user)
  return {
    list,
    create: async ({ user, name, deviceId, expires, ip }) => {
      const shown = name.replaceAll(/\p{C}/gu, '').trim().slice(0, longestName).toWellFormed()
      if (shown === '') throw new MatrixError('M_INVALID_PARAM', 'A token needs a name, by which it is known later')
      if (expires !== undefined && expires <= now()) throw new MatrixError('M_INVALID_PARAM', 'The end must lie ahead')
      const account = await users.account(user)
      if (!account) throw new MatrixError('M_NOT_FOUND', 'There is no such account')
      if (deviceId !== undefined && (await devices.list(user)).some((device) => device.deviceId === deviceId))
        throw new MatrixError(
          'M_INVALID_PARAM',
          `There is a session ${deviceId} already: a token has a device of its own`,
        )
      if ((await list(user)).length >= most)
        throw new MatrixError('M_LIMIT_EXCEEDED', `An account has at most ${most} such tokens: end some first`)
      const opened = await sessions.open(account, undefined, {
        deviceId,
        displayName: shown,
        refresh: false,
        ip,
        userAgent: undefined,
        until: expires,
        within: (tx, { device }) => addPersonalToken(tx, { device, user, now: now(), expires }),
      })
      return { deviceId: opened.deviceId, name: shown, created: now(), expires, token: opened.accessToken }
    },
    revoke: async (user, deviceId) => {
      if (!(await list(user)).some((token) => token.deviceId === deviceId))
        throw new MatrixError('M_NOT_FOUND', `There is no such token: ${deviceId}`)
      await log.write((tx) => devices.delete(tx, user, [deviceId]))
    },
  }
}
