import type { Config } from '../config/index.ts'

/** What SQLite says by number. @see https://www.sqlite.org/rescode.html */
function sqliteRefusal(error: Error & { errcode?: number }, { database, data_dir }: Config): string | undefined {
  switch ((error.errcode ?? 0) & 0xff) {
    case 8:
    case 14:
      return `The database ${database} cannot be opened or written to: ${error.message}. Look at the permissions of the file and its folder.`
    case 10:
    case 13:
      return `The disk of ${data_dir} is full or does not take what is written: ${error.message}. Make room, and start again.`
    case 11:
    case 26:
      return `${database} is no SQLite database, or is damaged: ${error.message}. Put the file back from the backup.`
    default:
      return undefined
  }
}

/** What commonly stands in the way of a start, with the way out. */
export function refusal(error: unknown, config: Config): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (error.name === 'DatabaseRefused' || error.name === 'SigningKeyMissing') return error.message
  if (!('code' in error)) return undefined
  const where = config.listen.join(', ')
  switch (error.code) {
    case 'EADDRINUSE':
      return `Something listens on ${where} already. Stop it, or choose another address: --listen 127.0.0.1:8009`
    case 'EADDRNOTAVAIL':
      return `This machine has none of the addresses ${where}. Set "listen" to one that it has, or to 0.0.0.0:8008 for all.`
    case 'EACCES':
      return `No permission: ${error.message}. Ports below 1024 and the folder ${config.data_dir} need an account that may use them.`
    case 'ECONNREFUSED':
      return `The database does not answer: ${error.message}. Check "database" and whether PostgreSQL runs.`
    case 'ENOSPC':
    case 'EDQUOT':
      return `The disk of ${config.data_dir} is full: ${error.message}. Make room, or set "data_dir" to a folder elsewhere.`
    case 'ERR_SQLITE_ERROR':
      return sqliteRefusal(error, config)
    case 'EEXIST':
    case 'EISDIR':
    case 'ENOTDIR':
    case 'EROFS':
    case 'ENOENT':
      return `The folder ${config.data_dir} cannot be made or used: ${error.message}. Set "data_dir" to a folder that this account may write to.`
    case 'ENOTFOUND':
      return `The host of the database is not known: ${error.message}. Check "database".`
    case '28P01':
    case '28000':
      return `PostgreSQL does not let this user in: ${error.message}. Check user and password in "database".`
    case '3D000':
      return `PostgreSQL has no such database: ${error.message}. Make it with "createdb", owned by the user in "database".`
    default:
      return undefined
  }
}
