import type { Devices } from '../devices/index.ts'
import type { CountAttempt, Identities, SignInLog } from '../identity/index.ts'
import type { Jobs } from '../jobs/index.ts'
import type { Sessions } from '../sessions/index.ts'
import type { Log } from '../streams/index.ts'
import type { Users } from '../users/index.ts'
import type { Config } from '../config/index.ts'
import type { Keyring } from './jwt/keyring.ts'
import type { Directory } from './ldap/directory.ts'
import type { KindDeps } from './provider.ts'

/** What providers/ is given. */
export interface ProvidersDeps extends Omit<KindDeps, 'policies'> {
  readonly config: KindDeps['config'] & Pick<Config, 'server_name'>
  readonly log: Log
  readonly users: Pick<Users, 'nameOf'>
  readonly devices: Pick<Devices, 'get' | 'ensure'>
  readonly sessions: Pick<Sessions, 'cache' | 'tokenIds' | 'failures'>
  readonly identities: Identities
  readonly logger: SignInLog
  readonly count?: CountAttempt | undefined
  /** What has to be done although nobody waits for it; left out where directories are not looked at from time to time. */
  readonly jobs?: Jobs | undefined
}

/** What the files of providers/ share: what the folder was given, and what it holds. Each takes what it names. */
export interface ProviderParts extends ProvidersDeps {
  readonly serverName: string
  /** The providers whose tokens are taken, with their keys. */
  readonly keyring: Keyring
  /** The directories that know people's passwords. */
  readonly directories: readonly Directory[]
}
