import { hash } from 'node:crypto'
import { isLocalUser } from '../matrix/ids.ts'
import type { Namespace, Registration } from './registration.ts'

/** An application service as its registration describes it. */
export interface Service extends Registration {
  /** User id that it asks as when it names nobody. */
  readonly senderId: string
  /** Whether it may ask as this user: its own sender, or a local user in its namespace. */
  covers(userId: string): boolean
}

/** Every application service that is registered, and which names are whose. */
export interface Services {
  readonly all: readonly Service[]
  byTokenHash(tokenHash: string): Service | undefined
  byId(id: string): Service | undefined
  /** Whether a service, other than `but`, keeps this local user id for itself. */
  keepsUser(userId: string, but?: string): boolean
  /** Whether a service, other than `but`, keeps this room alias for itself. */
  keepsAlias(alias: string, but?: string): boolean
  /** Whether the alias is in the namespace of that service. */
  ownsAlias(id: string, alias: string): boolean
}

/** Who can be told, and asked, of something. */
export const isReachable = (service: Service): service is Service & { readonly url: string } => service.url !== null

export const hashOf = (token: string): string => hash('sha256', token, 'base64url')

export const fitsAny = (namespaces: readonly Namespace[], name: string): boolean =>
  namespaces.some(({ fits }) => fits(name))

const keeps = (namespaces: readonly Namespace[], name: string): boolean =>
  namespaces.some(({ exclusive, fits }) => exclusive && fits(name))

export function servicesOf(registrations: readonly Registration[], serverName: string): Services {
  const all = registrations.map((registration): Service => {
    const senderId = `@${registration.senderLocalpart}:${serverName}`
    return {
      ...registration,
      senderId,
      covers: (userId) =>
        userId === senderId || (isLocalUser(userId, serverName) && fitsAny(registration.users, userId)),
    }
  })
  // Looked up by hash, so that the time it takes says nothing of how much of a guess was right.
  const byToken = new Map(all.map((service) => [hashOf(service.asToken), service]))
  const byId = new Map(all.map((service) => [service.id, service]))
  const others = (but: string | undefined): readonly Service[] => all.filter(({ id }) => id !== but)
  return {
    all,
    byTokenHash: (tokenHash) => byToken.get(tokenHash),
    byId: (id) => byId.get(id),
    keepsUser: (userId, but) =>
      isLocalUser(userId, serverName) &&
      others(but).some(({ senderId, users }) => senderId === userId || keeps(users, userId)),
    ownsAlias: (id, alias) => fitsAny(byId.get(id)?.aliases ?? [], alias),
    keepsAlias: (alias, but) => others(but).some(({ aliases }) => keeps(aliases, alias)),
  }
}
