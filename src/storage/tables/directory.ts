/** The words of the names of accounts that can be found. */
export interface UserWordsTable {
  /** UTF-8: bytes have one order on every database, whatever its collation, and so all words with a common beginning are neighbours. */
  word: Uint8Array
  user_nid: number
}
