// Fourth storey: the ways in and out.
import { Readable } from 'node:stream'
import { openIdRoutes, openLogin } from '../login/index.ts'
import { upload } from '../media/index.ts'
import type { Foundations } from './foundations.ts'
import type { People } from './people.ts'
import type { RoomStorey } from './rooms.ts'

export type SignIn = Awaited<ReturnType<typeof openSignIn>>

/** Opens sign-in. */
export async function openSignIn(
  stack: AsyncDisposableStack,
  ground: Foundations,
  { users, devices, appservices, mail }: People,
  { media, placements }: RoomStorey,
) {
  const login = stack.use(
    await openLogin({
      ...ground,
      users,
      devices,
      mail,
      isExclusive: (userId) => appservices.keepsUser(userId),
      appservices: ground.registrations.length > 0 ? appservices : undefined,
      count: ground.metrics?.signIn,
      people: {
        savePicture: ({ nid }, { bytes, type }) =>
          upload(
            media.context,
            { user: nid, suspended: false },
            { body: Readable.from([bytes]), type, filename: undefined, length: bytes.length },
          ),
        enterRoom: (user, room, power) => placements.enter(user, room, power),
        leaveRoom: (user, roomId, change) => placements.leave(user, roomId, change),
      },
    }),
  )
  return { login, routes: [...login.routes, ...openIdRoutes({ ...ground, users })] }
}
