// The only folder that knows every other. This file is its table of contents: the storeys of the house, from the ground up, each given
// what is below it. What a storey needs of those above are its ports. All of it is disposed of from the top down.
import { defaultConfig, type Config, type ConfigInput } from '../config/index.ts'
import { openDelivery } from './delivery.ts'
import { openAbroad } from './abroad.ts'
import { openFederation } from './federation.ts'
import { openFoundations, type FoundationsOptions } from './foundations.ts'
import { openFront } from './front.ts'
import type { Homeserver } from './homeserver.ts'
import { openOutside } from './outside.ts'
import { openPeople, type PeoplePorts } from './people.ts'
import { openRoomStorey, type RoomPorts } from './rooms.ts'
import { openSignIn } from './sign-in.ts'

export { DatabaseRefused } from '../storage/index.ts'
export { SigningKeyMissing } from './signing-key.ts'
export type { Homeserver } from './homeserver.ts'
export type HomeserverOptions = FoundationsOptions

/**
 * Starts a whole homeserver in this process.
 * @param input settings by the names of the configuration file; those that are left out have their defaults
 * @throws {ConfigError} for settings that are wrong; {DatabaseRefused} for a database that is not ours
 */
export async function createHomeserver(
  input: ConfigInput | Config = {},
  options: HomeserverOptions = {},
): Promise<Homeserver> {
  const config = defaultConfig(input)
  await using stack = new AsyncDisposableStack()
  const ports: PeoplePorts & RoomPorts = {
    sharers: (user) => rooms.rooms.sharers(user),
    roomOf: (roomId, user) => rooms.roomOf(roomId, user),
    confirm: (request) => signIn.login.confirm(request),
    lockedBy: (user, field) => signIn.identities.lockedBy(user, field),
    keyChanges: (session, from, to) => delivery.keyChanges(session, from, to),
    copyPushRules: (user, from, to) => delivery.copyPushRules(user, from, to),
  }

  const ground = await openFoundations(stack, config, options)
  const abroad = await openAbroad(stack, ground)
  const people = await openPeople(stack, ground, ports, abroad)
  const rooms = await openRoomStorey(stack, ground, people, ports, abroad)
  const signIn = await openSignIn(stack, ground, people, rooms)
  const delivery = await openDelivery(stack, ground, people, rooms)
  const outside = await openOutside(stack, ground, people, rooms, signIn, abroad)
  const federation = await openFederation(stack, abroad, ground, people, rooms)
  const storeys = [people, rooms, signIn, delivery, outside, federation]
  const routes = storeys.flatMap((storey) => storey.routes)
  const front = await openFront(stack, ground, people, signIn, routes, abroad?.wires)

  const running = stack.move()
  const close = (): Promise<void> => running.disposeAsync()
  return {
    ...front,
    url: front.urls[0] ?? '',
    metricsUrl: ground.metrics?.url,
    config,
    database: ground.database,
    users: people.users,
    identities: signIn.identities,
    login: signIn.login,
    oauth: signIn.oauth,
    rooms: rooms.rooms,
    notices: rooms.notices,
    wires: abroad?.wires,
    outbound: abroad?.parts?.outbound,
    close,
    [Symbol.asyncDispose]: close,
  }
}
