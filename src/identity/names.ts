import { MatrixError } from '../matrix/errors.ts'
import { makeUserId, mapToLocalpart } from '../matrix/ids.ts'
import { renderFirst } from './claims/index.ts'
import type { Identity } from './identity.ts'
import type { Policy } from './policy.ts'

/** Throws M_INVALID_USERNAME. Neither survives the way into a database as it is: one would be refused there, the other would become another subject. */
export const checkSubject = (subject: string): void => {
  if (subject.includes('\0') || !subject.isWellFormed()) {
    throw new MatrixError('M_INVALID_USERNAME', 'A user name cannot have a NUL character or half a surrogate pair')
  }
}

/**
 * The user id that a subject becomes if there is no account yet. Throws M_INVALID_USERNAME, with the reason, for a subject that
 * cannot name a user.
 */
export const userIdOf = (subject: string, serverName: string): string => {
  const localpart = mapToLocalpart(subject)
  if (localpart.startsWith('_')) throw new MatrixError('M_INVALID_USERNAME', 'A user name cannot start with "_"')
  return makeUserId(localpart, serverName)
}

/** What a new account of the identity is called, before what a Matrix ID cannot have is escaped. @throws MatrixError M_INVALID_USERNAME */
export const nameFor = (policy: Policy, { subject, claims }: Identity): string => {
  if (!policy.localpart) return subject
  const name = renderFirst(policy.localpart, claims)
  if (name !== undefined) return name
  const missing = policy.localpart.map(({ text }) => text).join(' or ')
  throw new MatrixError('M_INVALID_USERNAME', `The claims that make a user name are not there: ${missing}`)
}

const longestDisplayName = 255

/** A display name from outside, made fit to be kept: it is given by programs, and worth shortening, not a refusal. */
export const shownName = (name: string): string => name.replaceAll('\0', '').slice(0, longestDisplayName).toWellFormed()

const longestLabel = 255

/** What people know somebody of a provider by, where the claims say it: a subject may be an id that says nothing to anybody. */
export const labelOf = ({ subject, claims }: Identity): string | undefined => {
  const found = [claims['email'], claims['preferred_username'], claims['name']].find(
    (claim): claim is string => typeof claim === 'string' && claim !== '',
  )
  return found === undefined || found === subject ? undefined : shownName(found).slice(0, longestLabel)
}
