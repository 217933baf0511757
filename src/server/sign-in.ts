// Fourth storey: who is signed in, and the ways in and out.
import { Readable } from 'node:stream'
import { type LoginDeps, openIdRoutes, openLogin, type PasswordCost } from '../login/index.ts'
import { upload } from '../media/index.ts'
import { openSessions, type SessionsDeps } from '../sessions/index.ts'
import type { Foundations } from './foundations.ts'
import type { People } from './people.ts'
import type { RoomStorey } from './rooms.ts'

export type SignIn = Awaited<ReturnType<typeof openSignIn>>

/** What the folders of signing in are given from elsewhere: what they need of each other they get here. */
export type WaysInDeps = Omit<LoginDeps, 'sessions'> & Omit<SessionsDeps, 'bearer' | 'standing'>

/**
 * Opens the folders of signing in, and fills the ports between them.
 * @param cost what hashing a password costs; lowered by tests only
 * @throws {ConfigError} for keys, rules or settings of providers that cannot be used
 */
export async function openWaysIn(stack: AsyncDisposableStack, deps: WaysInDeps, cost?: PasswordCost) {
  const sessions = await openSessions({ ...deps, bearer: () => login.bearer, standing: () => login.standing })
  const login = stack.use(await openLogin({ ...deps, sessions }, cost))
  return { sessions, login, routes: [...sessions.routes, ...login.routes] }
}

/** Opens sign-in. */
export async function openSignIn(
  stack: AsyncDisposableStack,
  ground: Foundations,
  { users, devices, appservices, mail }: People,
  { media, placements }: RoomStorey,
) {
  const services = ground.registrations.length > 0 ? appservices : undefined
  const { routes, ...waysIn } = await openWaysIn(stack, {
    ...ground,
    users,
    devices,
    mail,
    isExclusive: (userId) => appservices.keepsUser(userId),
    appservices: services,
    services,
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
  })
  return { ...waysIn, routes: [...routes, ...openIdRoutes({ ...ground, users })] }
}
