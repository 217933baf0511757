import { hot, type Tx } from '../../storage/index.ts'
import { wordsOf } from '../words.ts'

const remove = hot((db, p: { user: number }) => db.deleteFrom('user_words').where('user_nid', '=', p.user))
const add = hot((db, p: { word: Uint8Array; user: number }) =>
  db.insertInto('user_words').values({ word: p.word, user_nid: p.user }),
)

export interface Named {
  readonly user: number
  readonly localpart: string
  readonly displayName: string | null
}

/** Makes a user findable by the words of both names. */
export async function addWords(tx: Tx, { user, localpart, displayName }: Named): Promise<void> {
  const words = new Set([...wordsOf(localpart), ...wordsOf(displayName ?? '')])
  for (const word of words) await add.run(tx, { word: Buffer.from(word), user })
}

export async function deleteWords(tx: Tx, user: number): Promise<void> {
  await remove.run(tx, { user })
}
