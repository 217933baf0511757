import { MatrixError } from '../../matrix/errors.ts'
import { hot, type Reader, type Tx } from '../../storage/index.ts'

/** How a link came to be: at a sign-in, by the user, by the operator, or from a list. */
export type LinkedBy = 'sign-in' | 'user' | 'operator' | 'import'

export interface NewLink {
  readonly provider: string
  readonly subject: string
  readonly user: number
  readonly by: LinkedBy
  /** Milliseconds since 1970. */
  readonly now: number
  /** The display name that the provider has given the account which was made for them. */
  readonly name?: string | undefined
  /** What people know them by. */
  readonly label?: string | undefined
}

const selectIdentity = hot((db, p: { provider: string; subject: string }) =>
  db.selectFrom('identities').where('provider', '=', p.provider).where('subject', '=', p.subject).select('user_nid'),
)

const insertIdentity = hot((db, p: Omit<NewLink, 'name' | 'label'> & { name: string | null; label: string | null }) =>
  db.insertInto('identities').values({
    provider: p.provider,
    subject: p.subject,
    user_nid: p.user,
    linked_by: p.by,
    linked_ts: p.now,
    avatar_source: null,
    claims_ts: null,
    given_name: p.name,
    given_avatar: null,
    label: p.label,
  }),
)

/** The short id of the user whom the provider means by the subject. */
export const readIdentity = async (db: Reader | Tx, provider: string, subject: string): Promise<number | undefined> =>
  (await selectIdentity.first(db, { provider, subject }))?.user_nid

/** The subjects of a provider that mean the user. */
export const readSubjects = async (db: Reader, provider: string, user: number): Promise<string[]> =>
  (
    await db
      .selectFrom('identities')
      .where('user_nid', '=', user)
      .where('provider', '=', provider)
      .select('subject')
      .execute()
  ).map(({ subject }) => subject)

/**
 * Links a subject to a user; does nothing when it is linked to just that one.
 * @throws MatrixError M_USER_IN_USE when it is another's
 */
export async function addIdentity(tx: Tx, link: NewLink): Promise<void> {
  const linked = await readIdentity(tx, link.provider, link.subject)
  if (linked === link.user) return
  if (linked !== undefined) throw new MatrixError('M_USER_IN_USE', 'This identity is linked to another account')
  await insertIdentity.run(tx, { ...link, name: link.name ?? null, label: link.label ?? null })
}

/** A link between an account and somebody of a provider. */
export interface Link {
  readonly provider: string
  readonly subject: string
  readonly by: string
  /** Milliseconds since 1970. */
  readonly linked: number
  /** What people know them by; undefined: nothing better than the subject. */
  readonly label: string | undefined
}

/** The links of a user, in the order in which they came to be. */
export const readLinks = async (db: Reader | Tx, user: number): Promise<Link[]> => {
  const rows = await db
    .selectFrom('identities')
    .where('user_nid', '=', user)
    .select(['provider', 'subject', 'linked_by', 'linked_ts', 'label'])
    .orderBy('linked_ts')
    .orderBy('provider')
    .orderBy('subject')
    .execute()
  return rows.map((row) => ({
    provider: row.provider,
    subject: row.subject,
    by: row.linked_by,
    linked: row.linked_ts,
    label: row.label ?? undefined,
  }))
}

/** Removes a link of a user. False when there is none. */
export async function removeIdentity(
  tx: Tx,
  link: { provider: string; subject: string; user: number },
): Promise<boolean> {
  const gone = await tx
    .deleteFrom('identities')
    .where('provider', '=', link.provider)
    .where('subject', '=', link.subject)
    .where('user_nid', '=', link.user)
    .returning('user_nid')
    .execute()
  return gone.length > 0
}

/** Removes every link of a user. */
export const removeIdentities = async (tx: Tx, user: number): Promise<void> => {
  await tx.deleteFrom('identities').where('user_nid', '=', user).execute()
}

const selectAvatarSource = hot((db, p: { provider: string; subject: string }) =>
  db
    .selectFrom('identities')
    .where('provider', '=', p.provider)
    .where('subject', '=', p.subject)
    .select('avatar_source'),
)

/** What the avatar that a link's provider has named was made of. */
export const readAvatarSource = async (
  db: Reader,
  link: { provider: string; subject: string },
): Promise<string | null | undefined> => (await selectAvatarSource.first(db, link))?.avatar_source

/** Notes the picture that a link's provider has given, and what it was made of. */
export const setGivenAvatar = async (
  tx: Tx,
  link: { provider: string; subject: string; source: string; avatar: string },
): Promise<void> => {
  await tx
    .updateTable('identities')
    .set({ avatar_source: link.source, given_avatar: link.avatar })
    .where('provider', '=', link.provider)
    .where('subject', '=', link.subject)
    .execute()
}

/** Notes the display name that a link's provider has given, and what people know its person by. */
export const setGiven = async (
  tx: Tx,
  link: { provider: string; subject: string; name: string | null; label: string | null },
): Promise<void> => {
  await tx
    .updateTable('identities')
    .set({ given_name: link.name, label: link.label })
    .where('provider', '=', link.provider)
    .where('subject', '=', link.subject)
    .execute()
}

const selectGiven = hot((db, p: { provider: string; subject: string }) =>
  db
    .selectFrom('identities')
    .where('provider', '=', p.provider)
    .where('subject', '=', p.subject)
    .select(['given_name', 'given_avatar', 'label']),
)

/** What a link's provider has given last: a display name, a picture, and what people know them by. */
export interface Given {
  readonly name: string | null
  readonly avatar: string | null
  readonly label: string | null
}

/** The same, of a link. */
export const readGiven = async (db: Reader, provider: string, subject: string): Promise<Given | undefined> => {
  const row = await selectGiven.first(db, { provider, subject })
  return row && { name: row.given_name, avatar: row.given_avatar, label: row.label }
}

/** Somebody of a provider who has an account here. */
export interface Linked {
  readonly subject: string
  readonly user: number
  readonly locked: boolean
}

/** The users whom a provider means by its subjects, with these. */
export const readPeople = async (db: Reader, provider: string): Promise<Linked[]> => {
  const rows = await db
    .selectFrom('identities')
    .innerJoin('accounts', 'accounts.user_nid', 'identities.user_nid')
    .where('provider', '=', provider)
    .where('accounts.deactivated', '=', 0)
    .select(['subject', 'identities.user_nid as user', 'accounts.locked'])
    .execute()
  return rows.map(({ subject, user, locked }) => ({ subject, user, locked: locked === 1 }))
}

/**
 * Notes when claims were issued that are to give rights. False when newer ones have done so already; claims that do not say when they were
 * issued count as old then.
 */
export const noteIssued = async (
  tx: Tx,
  { provider, subject, issued }: { provider: string; subject: string; issued: number | undefined },
): Promise<boolean> => {
  const [row] = await tx
    .updateTable('identities')
    .set(issued === undefined ? { claims_ts: null } : { claims_ts: issued })
    .where('provider', '=', provider)
    .where('subject', '=', subject)
    .where((of) =>
      of.or([of('claims_ts', 'is', null), ...(issued === undefined ? [] : [of('claims_ts', '<=', issued)])]),
    )
    .returning('user_nid')
    .execute()
  return row !== undefined
}
