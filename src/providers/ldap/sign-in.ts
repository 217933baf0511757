import { MatrixError } from '../../matrix/errors.ts'
import { isLocalUser, isUserId, localpartOf } from '../../matrix/ids.ts'
import type { Account } from '../../users/index.ts'
import type { Origin } from '../../login/credentials.ts'
import type { LoginContext } from '../../login/deps.ts'
import { type Arrival, type Identity } from '../../identity/index.ts'
import { DirectoryError } from './connection.ts'
import type { Directory, Person, Who } from './directory.ts'

const unreachable = (trace: string | undefined): MatrixError =>
  new MatrixError('M_UNKNOWN', 'The directory that knows your password cannot be asked now: try again later', {
    status: 503,
    extra: { code: 'directory_unreachable', ...(trace !== undefined && { trace }) },
  })

/**
 * Whom somebody means: a Matrix ID is that of an account, and its owner has the entry that the account is linked to, whatever either is
 * called. Everything else is a name of the directory's.
 */
const whoIs = async (
  context: LoginContext,
  directory: Directory,
  name: string,
  account: Account | undefined,
): Promise<Who> => {
  if (!isUserId(name)) return { username: name }
  if (!isLocalUser(name, context.serverName)) return { username: '' }
  const { people } = context.identities.policyFor(directory.id)
  const [subject] =
    account && directory.searchable ? await context.identities.links.subjectsOf(people, account.nid) : []
  return subject === undefined ? { username: localpartOf(name) } : { subject }
}

/** Whoever is back in the directory need not wait for the next look at it. */
const welcome = async (context: LoginContext, directory: Directory, { subject }: Person): Promise<void> => {
  const { people } = context.identities.policyFor(directory.id)
  const user = await context.identities.links.userOf(people, subject)
  if (user !== undefined) await context.identities.locks.unlock(people, user)
}

/**
 * Asks every directory whose name and password these are; undefined when no directory takes them.
 * @param account the account of ours that has the name, if there is one
 * @throws MatrixError 503 when a directory could not be asked, and no other one takes them
 */
export const askDirectories = async (
  context: LoginContext,
  name: string,
  password: string,
  account: Account | undefined,
  origin: Origin,
): Promise<{ identity: Identity; arrival: Arrival } | undefined> => {
  const { trace } = origin
  let failed = false
  for (const directory of context.directories) {
    const provider = directory.id
    try {
      const { person, refused } = await directory.verify(await whoIs(context, directory, name, account), password)
      if (person) {
        await welcome(context, directory, person)
        return {
          identity: { provider, subject: person.subject, claims: person.claims },
          arrival: { ...origin, key: `password, by ${person.url}` },
        }
      }
      context.logger.info({ trace, provider, rule: 'bind', ...refused }, 'a password was refused by a directory')
    } catch (error) {
      if (!(error instanceof DirectoryError)) throw error
      failed = true
      context.logger.warn(
        { trace, provider, rule: 'reach', code: 'directory_unreachable', reason: error.message },
        'a directory could not be asked',
      )
    }
  }
  if (failed) throw unreachable(trace)
  return undefined
}
