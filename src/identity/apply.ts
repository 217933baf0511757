import { renderFirst } from './claims/index.ts'
import { shownName } from '../login/accounts.ts'
import type { LoginContext } from '../login/deps.ts'
import { applyAvatar } from './avatar.ts'
import { applyGroups } from './group-rooms.ts'
import type { Identity } from './identity.ts'
import type { Field, Policy } from './policy.ts'
import type { LocalUser } from './ports.ts'
import { policyFor } from './resolve.ts'
import { replaceEmail } from './store/links.ts'

/** The parts of a claim that follow an account, each for itself: one that fails stands in nobody's way. */
const attempt = async (
  context: LoginContext,
  identity: Identity,
  what: string,
  work: () => Promise<unknown>,
): Promise<void> => {
  try {
    await work()
  } catch (error) {
    context.logger.warn(
      { err: error, provider: identity.provider, what },
      'what an identity provider says of somebody could not be taken over',
    )
  }
}

const mail = /^[^\s@\0]{1,190}@[^\s@\0]{1,250}$/

const isDue = (policy: Policy, field: Field, made: boolean): boolean =>
  made || policy.refresh || policy.locked.has(field)

const applyNames = async (context: LoginContext, identity: Identity, user: LocalUser, made: boolean): Promise<void> => {
  const policy = policyFor(context, identity.provider)
  const name = isDue(policy, 'display_name', made)
    ? renderFirst(policy.fields.display_name, identity.claims)
    : undefined
  if (name !== undefined)
    await attempt(context, identity, 'display_name', () =>
      context.users.profiles.set(user.nid, 'displayname', shownName(name)),
    )
  const address = isDue(policy, 'email', made)
    ? renderFirst(policy.fields.email, identity.claims)?.toLowerCase()
    : undefined
  if (address === undefined || !mail.test(address)) return
  await attempt(context, identity, 'email', async () => {
    const kept = await context.database.write((tx) =>
      replaceEmail(tx, { user: user.nid, address, provider: policy.people, now: context.now() }),
    )
    if (!kept) throw new Error('The mail address is that of another account')
  })
}

const applyAdmin = async (context: LoginContext, identity: Identity, user: LocalUser): Promise<void> => {
  const { admin } = policyFor(context, identity.provider)
  if (!admin) return
  const account = await context.users.account(user.nid)
  const wanted = admin.holds(identity.claims)
  if (!account || account.admin === wanted) return
  await attempt(context, identity, 'admin', () => context.users.setAdmin(user.nid, wanted))
  context.logger.info(
    { provider: identity.provider, user: user.userId, admin: wanted, rule: admin.text },
    'an identity provider has said who is an administrator',
  )
}

/**
 * Takes over what the provider says of somebody who has just come in. Names and rights are settled when it resolves; pictures and
 * rooms follow in their own time. Never rejects.
 * @param made whether the account was made just now
 */
export const applyClaims = async (
  context: LoginContext,
  identity: Identity,
  user: LocalUser,
  made: boolean,
): Promise<void> => {
  const policy = policyFor(context, identity.provider)
  await applyAdmin(context, identity, user)
  await applyNames(context, identity, user, made)
  const avatar = isDue(policy, 'avatar', made) ? renderFirst(policy.fields.avatar, identity.claims) : undefined
  const groups = policy.groupsBy === 'claims' ? policy.groups : undefined
  if (avatar === undefined && !groups) return
  context.followUp(user.nid, async () => {
    if (groups) await attempt(context, identity, 'groups', () => applyGroups(context, policy, identity, user))
    if (avatar !== undefined)
      await attempt(context, identity, 'avatar', () => applyAvatar(context, identity, user, avatar))
  })
}
