import type { Config } from '../config/index.ts'
import type { Devices } from '../devices/index.ts'
import type { Outgoing } from '../http/index.ts'
import type { Sessions } from '../sessions/index.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { FollowUps } from './follow-up.ts'
import type { Policy } from './policy.ts'
import type { CountAttempt, PeoplePorts, SignInLog } from './ports.ts'
import type { Standing } from './standing/index.ts'

/** What identity/ is given. */
export interface IdentityDeps {
  readonly database: Database
  readonly log: Log
  readonly users: Users
  readonly devices: Pick<Devices, 'forgetUser'>
  readonly sessions: Pick<Sessions, 'open' | 'endAll' | 'endTicketsFrom' | 'cache' | 'failures'>
  readonly config: Pick<
    Config,
    'server_name' | 'public_base_url' | 'jwt_config' | 'identity_providers' | 'password_login'
  >
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** 256 random bits, URL-safe. */
  readonly randomId: () => string
  readonly logger: SignInLog
  /** How pictures are fetched. */
  readonly outgoing: Outgoing
  /** Port to appservice/: whether one keeps this user id for itself. */
  readonly isExclusive: (userId: string) => boolean
  readonly count?: CountAttempt | undefined
  /** Ports to rooms/ and media/: for pictures and rooms of people whom providers vouch for. */
  readonly people?: PeoplePorts | undefined
  /** Whether sessions of providers still stand: opened once all providers are, and asked for with the first sign-in. */
  readonly standing: () => Pick<Standing, 'begin'>
}

/** What the files of identity/ share: what the folder was given, and what it holds. Each takes what it names. */
export interface IdentityParts extends IdentityDeps {
  readonly serverName: string
  /** What the operator has settled about the people of each provider, by its id. */
  readonly policies: ReadonlyMap<string, Policy>
  /** For what a sign-in sets going and nobody waits for. */
  readonly followUp: FollowUps
  /** Aborted when the server stops. */
  readonly signal: AbortSignal
}
