export type { Claims } from './claims/index.ts'
export type { Arrival, Identity } from './identity.ts'
export { groupsIn } from './groups.ts'
export {
  importLinks,
  type Imported,
  link,
  linkedProviders,
  linkedUser,
  linkIdentity,
  linksOf,
  type Named,
  unlink,
} from './links.ts'
export { lockOf } from './locks.ts'
export { dropInId, policiesOf, policyChecks } from './policies.ts'
export type { Field, GroupRoom, Policy } from './policy.ts'
export { nameFor, policyFor, resolveIdentity, type Resolved, RuleBroken, userIdOf } from './resolve.ts'
export type { Link, LinkedBy } from './store/links.ts'
export { createFollowUps, type FollowUps } from './follow-up.ts'
export { takeLock } from './provider-locks.ts'
export type { LocalUser, PeoplePorts, Picture } from './ports.ts'
export { accountOf, admit, enter, signIn } from './sign-in.ts'
