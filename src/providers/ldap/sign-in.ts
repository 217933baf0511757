import { MatrixError } from '../../matrix/errors.ts'
import { isLocalUser, isUserId, localpartOf } from '../../matrix/ids.ts'
import type { Account } from '../../users/index.ts'
import type { Arrival, Identity, Origin } from '../../identity/index.ts'
import type { ProviderParts } from '../deps.ts'
import { DirectoryError } from './connection.ts'
import type { Directory, Person, Who } from './directory.ts'

type WhoDeps = Pick<ProviderParts, 'identities' | 'serverName'>
type AskDeps = WhoDeps & Pick<ProviderParts, 'directories' | 'logger'>

const unreachable = (trace: string | undefined): MatrixError =>
  new MatrixError('M_UNKNOWN', 'The directory that knows your password cannot be asked now: try again later', {
    status: 503,
    extra: { code: 'directory_unreachable', ...(trace !== undefined && { trace }) },
  })

/**
 * Whom somebody means: a Matrix ID is that of an account, and its owner has the entry that the account is linked to, whatever either is
 * called. Everything else is a name of the directory's.
 */
const whoIs = async (deps: WhoDeps, directory: Directory, name: string, account: Account | undefined): Promise<Who> => {
  if (!isUserId(name)) return { username: name }
  if (!isLocalUser(name, deps.serverName)) return { username: '' }
  const { people } = deps.identities.policyFor(directory.id)
  const [subject] = account && directory.searchable ? await deps.identities.links.subjectsOf(people, account.nid) : []
  return subject === undefined ? { username: localpartOf(name) } : { subject }
}

/** Whoever is back in the directory need not wait for the next look at it. */
const welcome = async (
  deps: Pick<ProviderParts, 'identities'>,
  directory: Directory,
  { subject }: Person,
): Promise<void> => {
  const { people } = deps.identities.policyFor(directory.id)
  const user = await deps.identities.links.userOf(people, subject)
  if (user !== undefined) await deps.identities.locks.unlock(people, user)
}

/**
 * Asks every directory whose name and password these are; undefined when no directory takes them.
 * @param account the account of ours that has the name, if there is one
 * @throws MatrixError 503 when a directory could not be asked, and no other one takes them
 */
export const askDirectories = async (
  deps: AskDeps,
  name: string,
  password: string,
  account: Account | undefined,
  origin: Origin,
): Promise<{ identity: Identity; arrival: Arrival } | undefined> => {
  const { trace } = origin
  let failed = false
  for (const directory of deps.directories) {
    const provider = directory.id
    try {
      const { person, refused } = await directory.verify(await whoIs(deps, directory, name, account), password)
      if (person) {
        await welcome(deps, directory, person)
        return {
          identity: { provider, subject: person.subject, claims: person.claims },
          arrival: { ...origin, key: `password, by ${person.url}` },
        }
      }
      deps.logger.info({ trace, provider, rule: 'bind', ...refused }, 'a password was refused by a directory')
    } catch (error) {
      if (!(error instanceof DirectoryError)) throw error
      failed = true
      deps.logger.warn(
        { trace, provider, rule: 'reach', code: 'directory_unreachable', reason: error.message },
        'a directory could not be asked',
      )
    }
  }
  if (failed) throw unreachable(trace)
  return undefined
}
