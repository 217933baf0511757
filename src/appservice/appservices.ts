import type { Caller, Outgoing, Session } from '../http/index.ts'
import type { Database } from '../storage/index.ts'
import { openAccess, type AccessDeps } from './access.ts'
import { openClient, type Ask } from './client.ts'
import type { FollowerDeps } from './deps.ts'
import { follow, type Following, type FollowingState } from './follower.ts'
import type { Registration } from './registration.ts'
import { hashOf, isReachable, servicesOf, type Service, type Services } from './services.ts'
import { addProgress, forgetOthers, readProgress } from './store.ts'

export interface AppservicesDeps {
  readonly registrations: readonly Registration[]
  readonly serverName: string
  readonly outgoing: Outgoing
  readonly now: () => number
  readonly randomId: () => string
}

/** Application services, as far as it matters who asks: needed before there are rooms. */
export interface Appservices extends Services {
  /** Who asks when the service of this token does; undefined when it is no such token. */
  open(tokenHash: string, caller: Caller): Promise<Session> | undefined
  readonly ask: Ask
  /** Whether rate limits do not hold for who brings this token. */
  isUnlimited(token: string): boolean
}

/** Telling application services of what happens. */
export interface Followings extends AsyncDisposable {
  /** The service was heard of: what waits to be tried again is tried now. */
  retry(service: Service): void
  /** How far each of them is, of those that are told. */
  states(): readonly FollowingState[]
}

/** Builds what every request needs to know of application services. */
export function openAppservices({
  registrations,
  serverName,
  outgoing,
  now,
  ...deps
}: Omit<AppservicesDeps, 'randomId'> & AccessDeps): Appservices {
  const services = servicesOf(registrations, serverName)
  const access = openAccess(deps)
  return {
    ...services,
    ask: openClient(outgoing, now),
    isUnlimited: (token) => services.byTokenHash(hashOf(token))?.rateLimited === false,
    open: (tokenHash, caller) => {
      const service = services.byTokenHash(tokenHash)
      return service && access(service, caller)
    },
  }
}

const kinds = new Set(['event', 'typing', 'receipt', 'presence', 'to_device', 'device_list'])

/** Where each of them stands; those that are new begin now, and what is left of others goes. */
async function progressOf(database: Database, services: readonly Service[], now: number, randomId: () => string) {
  const known = new Map((await readProgress(database.read)).map((row) => [row.id, row]))
  const fresh = services
    .filter(({ id }) => !known.has(id))
    .map(({ id }) => ({ id, epoch: randomId().slice(0, 8), position: now, txn: 0, body: null, body_position: now }))
  const ids = services.map(({ id }) => id)
  const isGone = [...known.keys()].some((id) => !ids.includes(id))
  if (fresh.length > 0 || isGone) {
    await database.write(async (tx) => {
      await forgetOthers(tx, ids)
      for (const row of fresh) await addProgress(tx, row)
    })
  }
  return new Map([...known, ...fresh.map((row) => [row.id, row] as const)])
}

/** Begins to tell application services of what happens, each from where it was told last, and none waiting for another. */
export async function followLog(
  services: Services,
  deps: FollowerDeps & { readonly randomId: () => string },
): Promise<Followings> {
  const { database, log } = deps
  const progress = await progressOf(database, services.all, log.now, deps.randomId)
  const followings = new Map<string, Following>()
  for (const service of services.all.filter(isReachable)) {
    const row = progress.get(service.id)
    if (row) followings.set(service.id, follow(deps, service, row))
  }
  if (followings.size > 0) {
    log.listen(({ kind }) => {
      if (kinds.has(kind)) for (const following of followings.values()) following.wake()
    })
  }
  for (const following of followings.values()) following.wake()
  return {
    states: () => [...followings.values()].map(({ state }) => state),
    retry: ({ id }) => followings.get(id)?.retry(),
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...followings.values()].map((following) => following[Symbol.asyncDispose]()))
    },
  }
}
