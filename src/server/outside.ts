// Sixth storey: who is not one of our people. Application services that are told, and administrators who look on.
import manifest from '../../package.json' with { type: 'json' }
import { adminRoutes } from '../admin/index.ts'
import { appserviceRoutes, followLog, openThirdParties } from '../appservice/index.ts'
import { destinationsOf, type Abroad } from './abroad.ts'
import type { Config } from '../config/index.ts'
import type { Foundations } from './foundations.ts'
import type { People } from './people.ts'
import type { RoomStorey } from './rooms.ts'
import type { SignIn } from './sign-in.ts'

export type Outside = Awaited<ReturnType<typeof openOutside>>

/** Who vouches for people here, as the console lists them. */
const providersOf = ({ identity_providers: entries, jwt_config: jwt }: Config): { id: string; type: string }[] => [
  ...entries.map(({ id, type }) => ({ id, type })),
  ...(jwt.enabled ? [{ id: 'jwt_config', type: 'jwt' }] : []),
]

/** Begins to tell application services, and opens the door for administrators. */
export async function openOutside(
  stack: AsyncDisposableStack,
  ground: Foundations,
  { users, devices, appservices }: People,
  { rooms, history, aliases, ephemeral, media, blocks, placements, notices, roomDeps }: RoomStorey,
  { identities, login, providers, signIns }: SignIn,
  abroad: Abroad | undefined,
) {
  const { now, randomBytes } = ground
  const followings = stack.use(
    await followLog(appservices, {
      ...ground,
      rooms,
      users,
      devices,
      aliases,
      typing: ephemeral.typing,
      presence: ephemeral.presence,
      ask: appservices.ask,
      chance: () => (randomBytes(1)[0] ?? 0) / 255,
    }),
  )
  ground.metrics?.follow({ appservices: () => followings.states() })
  return {
    routes: [
      ...appserviceRoutes({ appservices, followings, thirdParties: openThirdParties(appservices, now), now }),
      ...adminRoutes({
        ...ground,
        users,
        devices,
        rooms,
        history,
        identities,
        login,
        media: media.administration,
        blocks,
        placements,
        notices,
        services: () => followings.states(),
        providers: providersOf(ground.config),
        signIns,
        explain: (token) => providers.explain(token),
        destinations: abroad && destinationsOf(abroad),
        roomDeps,
        retireAliases: (room, to) => aliases.retire(room, to),
        resolveAlias: (alias) => aliases.resolve(alias),
        version: manifest.version,
        serviceOf: (userId) => appservices.all.find((service) => service.covers(userId))?.id,
      }),
    ],
  }
}
