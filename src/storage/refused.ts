/** This database is not for this process: foreign, newer, another server's, or taken. The message says what to do. */
export class DatabaseRefused extends Error {
  override name = 'DatabaseRefused'
}
