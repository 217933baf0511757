import type { Account } from '../users/index.ts'
import type { Field, Policy } from './policy.ts'
import type { Given } from './store/links.ts'

const all: readonly Field[] = ['display_name', 'avatar', 'email']

/**
 * The fields that a provider's word is taken for now, of those that its policy has templates for. By default names and pictures follow
 * the provider until somebody chooses their own: as long as what they have is what the provider gave them last, or nothing.
 * @param given what the provider gave last
 * @param made whether the account was made for them just now
 */
export const fieldsDue = (
  policy: Policy,
  account: Pick<Account, 'displayName' | 'avatarUrl'> | undefined,
  given: Given | undefined,
  made: boolean,
): ReadonlySet<Field> => {
  const told = all.filter((field) => policy.fields[field].length > 0)
  const isCertain = (field: Field): boolean => made || policy.refresh === 'always' || policy.locked.has(field)
  // The mail address of a provider stands beside those that people add themselves.
  const follows = (field: Field): boolean => policy.refresh === 'unless_changed' && !isCertain(field)
  if (!account || !told.some((field) => field !== 'email' && follows(field)))
    return new Set(told.filter((field) => isCertain(field) || follows(field)))
  const isTheirs = {
    display_name: account.displayName !== (given?.name ?? null),
    avatar: account.avatarUrl !== (given?.avatar ?? null),
    email: false,
  }
  return new Set(told.filter((field) => isCertain(field) || (follows(field) && !isTheirs[field])))
}
