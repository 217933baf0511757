import { own } from '../matrix/json.ts'
import { renderFirst } from './claims/index.ts'
import { applyAvatar, type AvatarDeps } from './avatar.ts'
import type { IdentityParts } from './deps.ts'
import { applyGroups, type GroupDeps } from './group-rooms.ts'
import { fieldsDue } from './follow.ts'
import type { Identity } from './identity.ts'
import type { Field, Policy } from './policy.ts'
import type { LocalUser } from './ports.ts'
import { labelOf, shownName } from './names.ts'
import { policyFor } from './policies.ts'
import { replaceEmail } from './store/emails.ts'
import { type Given, noteIssued, readGiven, setGiven } from './store/links.ts'

type NameDeps = Pick<IdentityParts, 'policies' | 'database' | 'users' | 'now' | 'logger'>
type AdminDeps = Pick<IdentityParts, 'policies' | 'users' | 'logger'>
/** What taking over a provider's word takes. */
export type ApplyDeps = NameDeps & AdminDeps & AvatarDeps & GroupDeps & Pick<IdentityParts, 'followUp'>

/** The parts of a claim that follow an account, each for itself: one that fails stands in nobody's way. */
const attempt = async (
  deps: Pick<IdentityParts, 'logger'>,
  identity: Identity,
  what: string,
  work: () => Promise<unknown>,
): Promise<void> => {
  try {
    await work()
  } catch (error) {
    deps.logger.warn(
      { err: error, provider: identity.provider, what },
      'what an identity provider says of somebody could not be taken over',
    )
  }
}

const mail = /^[^\s@\0]{1,190}@[^\s@\0]{1,250}$/

type Due = ReadonlySet<Field>

const applyNames = async (
  deps: NameDeps,
  identity: Identity,
  user: LocalUser,
  { due, given }: { due: Due; given: Given | undefined },
): Promise<void> => {
  const policy = policyFor(deps, identity.provider)
  const told = due.has('display_name') ? renderFirst(policy.fields.display_name, identity.claims) : undefined
  const name = told === undefined ? undefined : shownName(told)
  if (name !== undefined)
    await attempt(deps, identity, 'display_name', () => deps.users.profiles.set(user.nid, 'displayname', name))
  const now = { name: name ?? given?.name ?? null, label: labelOf(identity) ?? given?.label ?? null }
  if (given && (now.name !== given.name || now.label !== given.label))
    await attempt(deps, identity, 'name', () =>
      deps.database.write((tx) => setGiven(tx, { provider: policy.people, subject: identity.subject, ...now })),
    )
  const address = due.has('email') ? renderFirst(policy.fields.email, identity.claims)?.toLowerCase() : undefined
  if (address === undefined || !mail.test(address)) return
  await attempt(deps, identity, 'email', async () => {
    const kept = await deps.database.write((tx) =>
      replaceEmail(tx, { user: user.nid, address, provider: policy.people, now: deps.now() }),
    )
    if (!kept) throw new Error('The mail address is that of another account')
  })
}

const applyAdmin = async (deps: AdminDeps, identity: Identity, user: LocalUser): Promise<void> => {
  const { admin } = policyFor(deps, identity.provider)
  if (!admin) return
  const account = await deps.users.account(user.nid)
  const wanted = admin.holds(identity.claims)
  if (!account || account.admin === wanted) return
  await attempt(deps, identity, 'admin', () => deps.users.setAdmin(user.nid, wanted))
  deps.logger.info(
    { provider: identity.provider, user: user.userId, admin: wanted, rule: admin.text },
    'an identity provider has said who is an administrator',
  )
}

/** Whether no newer claims have said what rights somebody has: a token that is still good may be from before these were taken. */
const isNewestOf = async (
  deps: Pick<IdentityParts, 'database' | 'logger'>,
  { people }: Policy,
  { provider, subject, claims }: Identity,
): Promise<boolean> => {
  const iat = own(claims, 'iat')
  const issued = typeof iat === 'number' ? Math.floor(iat * 1000) : undefined
  const isNewest = await deps.database.write((tx) => noteIssued(tx, { provider: people, subject, issued }))
  if (!isNewest)
    deps.logger.info({ provider, issued }, 'claims came that are older than those which gave the rights, and gave none')
  return isNewest
}

/**
 * Takes over what the provider says of somebody who has just come in. Names and rights are settled when it resolves; pictures and
 * rooms follow in their own time. Never rejects.
 * @param made whether the account was made just now
 * @param isDated whether claims are those of a token, which say when they were issued; what SCIM says is so now
 */
export const applyClaims = async (
  deps: ApplyDeps,
  identity: Identity,
  user: LocalUser,
  made: boolean,
  isDated = true,
): Promise<void> => {
  const policy = policyFor(deps, identity.provider)
  const claimed = policy.groupsBy === 'claims' ? policy.groups : undefined
  const givesRights = policy.admin !== undefined || claimed !== undefined
  const isNewest = !givesRights || !isDated || (await isNewestOf(deps, policy, identity))
  if (isNewest) await applyAdmin(deps, identity, user)
  const account = await deps.users.account(user.nid)
  const isTold =
    labelOf(identity) !== undefined || Object.values(policy.fields).some((templates) => templates.length > 0)
  const given = isTold ? await readGiven(deps.database.read, policy.people, identity.subject) : undefined
  const due = fieldsDue(policy, account, given, made)
  await applyNames(deps, identity, user, { due, given })
  const avatar = due.has('avatar') ? renderFirst(policy.fields.avatar, identity.claims) : undefined
  const groups = isNewest ? claimed : undefined
  if (avatar === undefined && !groups) return
  deps.followUp(user.nid, async () => {
    if (groups) await attempt(deps, identity, 'groups', () => applyGroups(deps, policy, identity, user))
    if (avatar !== undefined) await attempt(deps, identity, 'avatar', () => applyAvatar(deps, identity, user, avatar))
  })
}
