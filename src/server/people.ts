// Second storey: who there is. Accounts, their devices, and the application services that keep names for themselves.
import { openAppservices, openQueries } from '../appservice/index.ts'
import { devicesRoutes, openDevices, type DevicesDeps, type DevicesRouteDeps } from '../devices/index.ts'
import { readEmails } from '../identity/index.ts'
import { openMail } from '../login/index.ts'
import { createUsers, usersRoutes, type UsersRouteDeps } from '../users/index.ts'
import type { Abroad } from './abroad.ts'
import type { Foundations } from './foundations.ts'

/** What this storey needs of those above it. It is asked for only when all of them are open. */
export type PeoplePorts = Pick<DevicesDeps, 'sharers'> &
  Pick<DevicesRouteDeps, 'confirm' | 'keyChanges'> &
  Required<Pick<UsersRouteDeps, 'lockedBy' | 'roomOf'>>

export type People = Awaited<ReturnType<typeof openPeople>>

/** Opens accounts and devices, and knows which application services there are. */
export async function openPeople(
  stack: AsyncDisposableStack,
  ground: Foundations,
  ports: PeoplePorts,
  abroad: Abroad | undefined,
) {
  const { database, log, serverName } = ground
  const users = createUsers({ ...ground, summon: (userId) => queries.user(userId) })
  const devices = stack.use(
    await openDevices({ ...ground, users, sharers: ports.sharers, remote: abroad?.remotes.devices }),
  )
  const appservices = openAppservices({ ...ground, users, devices })
  const queries = openQueries({ ...ground, appservices, users })
  const mail = openMail(ground)
  return {
    users,
    devices,
    /** Names that are kept, and who asks; what they are told of is for a storey further up. */
    appservices,
    queries,
    mail,
    ownsAddress: async (user: number, address: string): Promise<boolean> =>
      (await readEmails(database.read, user)).some((email) => email.address === address),
    routes: [
      ...usersRoutes({
        users,
        lockedBy: ports.lockedBy,
        roomOf: ports.roomOf,
        remote: abroad && { profiles: abroad.remotes.profiles, serverName },
      }),
      ...devicesRoutes({ devices, log, confirm: ports.confirm, keyChanges: ports.keyChanges }),
    ],
  }
}
