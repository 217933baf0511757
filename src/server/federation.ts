// The doors that other servers come in by. Nothing of federation/ is loaded where it is off.
import type { Abroad } from './abroad.ts'
import type { Foundations } from './foundations.ts'
import type { People } from './people.ts'
import type { RoomStorey } from './rooms.ts'

/** Opens the doors for other servers. */
export async function openFederation(
  abroad: Abroad | undefined,
  ground: Foundations,
  { users }: People,
  _rooms: RoomStorey,
) {
  if (!abroad) return { routes: [] }
  const { federationRoutes } = await import('../federation/index.ts')
  return { routes: federationRoutes({ ...ground, wires: abroad.wires, users }) }
}
