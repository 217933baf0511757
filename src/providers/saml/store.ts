import type { Database } from '../../storage/index.ts'
import { useToken } from '../jwt/store.ts'

/** Notes in the database what responses of a provider were used, so that none is used twice, after a restart neither. */
export const useOnceIn =
  (database: Database, now: () => number, provider: string) =>
  (what: string, expires: number): Promise<boolean> =>
    database.write((tx) => useToken(tx, { provider, jti: what, expires, now: now() }))
