import { sql } from 'kysely'
import type { Reader } from '../storage/index.ts'

/** An account as a search shows it. */
export interface FoundUser {
  readonly nid: number
  readonly userId: string
  readonly localpart: string
  readonly displayName: string | null
  readonly avatarUrl: string | null
}

export interface UserQuery {
  /** Who asks: sees themselves, who shares a room with them, or is in one that everybody may look into. */
  readonly viewer: number
  /** The beginning of a word. */
  readonly prefix: string
  readonly limit: number
}

/** The bytes after every word that begins like this: UTF-8 has no byte 255. */
const end = (prefix: string): Uint8Array => Buffer.concat([Buffer.from(prefix), Buffer.of(255)])

/** Accounts that have a word beginning with the prefix and that the viewer may know of: those come first whose word is little longer. */
export async function readVisibleUsers(db: Reader, { viewer, prefix, limit }: UserQuery): Promise<FoundUser[]> {
  const rows = await db
    .selectFrom('user_words')
    .innerJoin('accounts', 'accounts.user_nid', 'user_words.user_nid')
    .innerJoin('users', 'users.nid', 'user_words.user_nid')
    .where('word', '>=', Buffer.from(prefix))
    .where('word', '<', end(prefix))
    .where(({ or, eb, exists, selectFrom }) =>
      or([
        eb('user_words.user_nid', '=', viewer),
        exists(
          selectFrom('memberships')
            .innerJoin('rooms', 'rooms.nid', 'memberships.room_nid')
            .whereRef('memberships.user_nid', '=', 'user_words.user_nid')
            .where('membership', '=', 'join')
            .where(({ or, eb }) =>
              or([
                eb('rooms.join_rule', '=', 'public'),
                eb('rooms.history_visibility', '=', 'world_readable'),
                eb(
                  'rooms.nid',
                  'in',
                  selectFrom('memberships as mine')
                    .where('mine.user_nid', '=', viewer)
                    .where('mine.membership', '=', 'join')
                    .select('mine.room_nid'),
                ),
              ]),
            )
            .select(sql.lit(1).as('one')),
        ),
      ]),
    )
    .orderBy('word')
    .orderBy('user_words.user_nid')
    .limit(limit)
    .select([
      'user_words.user_nid as nid',
      'user_id as userId',
      'localpart',
      'accounts.display_name as displayName',
      'accounts.avatar_url as avatarUrl',
    ])
    .execute()
  return [...new Map(rows.map((row) => [row.nid, row])).values()]
}
