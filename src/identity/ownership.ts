import { MatrixError } from '../matrix/errors.ts'
import { mapToLocalpart } from '../matrix/ids.ts'
import type { Account } from '../users/index.ts'
import type { IdentityParts } from './deps.ts'
import { dropInId, tryOutId } from './policies.ts'
import type { Policy } from './policy.ts'
import { type Link, readLinks } from './store/links.ts'

/** What asking whose an account is takes. */
export type OwnershipDeps = Pick<IdentityParts, 'database' | 'users'>

/** Somebody new of a provider, and the name that an account of theirs would have. */
export interface Newcomer {
  readonly policy: Policy
  readonly subject: string
  readonly name: string
  /** The short id of the user whom the same person has proven to be. */
  readonly proven: number | undefined
}

/** An account that somebody new is to have. `handedOver`: what a try-out has made is theirs from now on, and nobody else's any more. */
export interface Adopted {
  readonly account: Account
  readonly handedOver: boolean
}

const lower = (text: string): string => text.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase())
/** ASCII only: Unicode would make a "k" of the Kelvin sign, and an account somebody else's. */
const differsInCaseOnly = (a: string, b: string): boolean => lower(a) === lower(b)

/**
 * Whether an account was made for trying out, and is nothing else since: nobody but the try-out vouches for it, no password opens it,
 * and it has no rights. Whoever runs the server has made it, and whom they name next may have it.
 */
const isTrial = (account: Account, links: readonly Link[]): boolean =>
  account.createdBy === tryOutId &&
  links.every(({ provider }) => provider === tryOutId) &&
  !account.hasPassword &&
  !account.admin

/** Whose an account is, as far as is known here: this subject's, a trial's, another's, or nobody's. */
type Owner = 'theirs' | 'trial' | 'another' | 'nobody'

const ownerOf = async (deps: OwnershipDeps, { policy, subject }: Newcomer, account: Account): Promise<Owner> => {
  const links = await readLinks(deps.database.read, account.nid)
  const own = links.filter(({ provider }) => provider === policy.people)
  if (own.length > 0)
    return policy.caseless && own.every((link) => differsInCaseOnly(link.subject, subject)) ? 'theirs' : 'another'
  if (isTrial(account, links)) return 'trial'
  // A folder that was tried out in before try-outs had an id of their own goes on being one.
  const others = policy.id === tryOutId ? links.filter(({ provider }) => provider !== dropInId) : links
  return others.length > 0 ? 'another' : 'nobody'
}

/** What whoever made the token, or runs the server, can do about it. */
const hintFor = ({ policy, subject }: Newcomer, account: Account): string => {
  if (policy.taken === 'link')
    return 'Sign in once more with a proof that the account is yours beside this token, as "link": see docs/topics/identities.md'
  if (policy.id === tryOutId)
    return 'Try out as somebody else, or with data of its own: npx latchkey start --data-dir another-folder'
  const quoted = `'${subject.replaceAll("'", String.raw`'\''`)}'`
  return `If it is the same person, the operator links them: latchkey user link ${account.localpart} --provider ${policy.people} --subject ${quoted}`
}

const taken = (newcomer: Newcomer, account: Account): MatrixError => {
  const isLinkable = newcomer.policy.taken === 'link'
  return new MatrixError('M_FORBIDDEN', 'The name that you would have here belongs to another account', {
    extra: {
      ...(isLinkable ? { code: 'link_needed', user_id: account.userId } : { code: 'name_taken' }),
      hint: hintFor(newcomer, account),
    },
  })
}

/**
 * The account that somebody new is to have of those that are there; undefined: none has their name. An account that has the subject for
 * a name is theirs, where the policy says so, unless somebody is known to have it: the account that was made for "a:b" is called "a=3ab",
 * and whoever has just that for a subject is somebody else. An account that has the escaped name is theirs only if it was made for them,
 * they have proven it, or it was made for trying out. @throws MatrixError M_FORBIDDEN, with a code
 */
export const accountNamed = async (deps: OwnershipDeps, newcomer: Newcomer): Promise<Adopted | undefined> => {
  const { policy, subject, name, proven } = newcomer
  const literal = policy.taken === 'adopt' ? await deps.users.findByLocalpart(subject) : undefined
  if (literal && differsInCaseOnly(literal.localpart, subject)) {
    const owner = await ownerOf(deps, newcomer, literal)
    if (owner !== 'another') return { account: literal, handedOver: owner === 'trial' }
  }
  const mapped = await deps.users.findByLocalpart(mapToLocalpart(name))
  if (!mapped) return undefined
  const owner = await ownerOf(deps, newcomer, mapped)
  if (owner === 'theirs') return { account: mapped, handedOver: false }
  // In place of the account that they would be given if nobody had tried anything out.
  if (owner === 'trial' && policy.registration) return { account: mapped, handedOver: true }
  if (policy.taken === 'link' && mapped.nid === proven) return { account: mapped, handedOver: false }
  throw taken(newcomer, mapped)
}
