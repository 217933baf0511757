import type { Route } from '../http/index.ts'
import type { Opened, WantedSession } from '../sessions/index.ts'
import type { Account, Purpose } from '../users/index.ts'
import { deactivate } from './deactivate.ts'
import type { IdentityDeps, IdentityParts } from './deps.ts'
import { createFollowUps } from './follow-up.ts'
import type { Arrival, Identity } from './identity.ts'
import { type Links, openLinks } from './links.ts'
import { lockOf } from './locks.ts'
import { type Outlook, outlookOf } from './outlook.ts'
import { policiesOf, policyFor } from './policies.ts'
import type { Field, Policy } from './policy.ts'
import { openProviderLocks, type ProviderLocks } from './provider-locks.ts'
import { scimRoutes } from './scim/index.ts'
import { accountOf, enter, signIn } from './sign-in.ts'

/** Whom providers vouch for, and whose accounts these people have. */
export interface Identities extends AsyncDisposable {
  /** Accounts that providers manage (SCIM). */
  readonly routes: readonly Route[]
  /** What the operator has settled about the people of each provider, by its id. */
  readonly policies: ReadonlyMap<string, Policy>
  /** The same of a provider that is configured. */
  policyFor(provider: string): Policy
  /**
   * The whole way in of whoever a provider vouches for: rules, account (found, linked or made), gate, session, claims applied.
   * @throws MatrixError for who may not come in: M_FORBIDDEN, M_INVALID_USERNAME, M_EXCLUSIVE, M_USER_DEACTIVATED, M_USER_LOCKED
   */
  signIn(identity: Identity, arrival: Arrival, wanted: WantedSession): Promise<Opened>
  /** The same way without a session, for who gets one later or needs none of ours. @throws MatrixError as `signIn` */
  enter(identity: Identity, arrival: Arrival, purpose: Purpose): Promise<Account>
  /** What would become of somebody if they came in now. Changes nothing. */
  outlook(identity: Identity): Promise<Outlook>
  /** The account that an identity has, without making or linking one. */
  accountOf(identity: Identity): Promise<Account | undefined>
  readonly links: Links
  readonly locks: ProviderLocks
  /** The provider that alone says what a field of the user is; undefined where the user does. */
  lockOf(user: number, field: Field): Promise<Policy | undefined>
  /** Fills the port of users/: the name of the provider that alone says what a field of the profile is; undefined where the user does. */
  lockedBy(user: number, field: 'displayname' | 'avatar_url'): Promise<string | undefined>
  /** Ends an account for good, with every session of it and what it has published and backed up for encryption. */
  deactivate(user: number, erase: boolean): Promise<void>
  /** Resolves when nothing is under way that sign-ins have set going. */
  settled(): Promise<void>
}

/** Builds identity/. What is wrong with the settings `identityChecks` says before. */
export const openIdentities = (deps: IdentityDeps): Identities => {
  const stopping = new AbortController()
  const { policies } = policiesOf(deps.config)
  const followUp = createFollowUps((error) => deps.logger.warn({ err: error }, 'what follows a sign-in failed'))
  const parts: IdentityParts = {
    ...deps,
    policies,
    followUp,
    serverName: deps.config.server_name,
    signal: stopping.signal,
  }
  return {
    routes: scimRoutes(parts),
    policies,
    policyFor: (provider) => policyFor(parts, provider),
    signIn: (identity, arrival, wanted) => signIn(parts, identity, arrival, wanted),
    enter: (identity, arrival, purpose) => enter(parts, identity, arrival, purpose),
    accountOf: (identity) => accountOf(parts, identity),
    outlook: (identity) => outlookOf(parts, identity),
    links: openLinks(parts),
    locks: openProviderLocks(parts),
    lockOf: (user, field) => lockOf(parts, user, field),
    lockedBy: async (user, field) =>
      (await lockOf(parts, user, field === 'displayname' ? 'display_name' : 'avatar'))?.name,
    deactivate: (user, erase) => deactivate(parts, user, erase),
    settled: () => followUp.settled(),
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      await followUp.settled()
    },
  }
}
