import { MatrixError } from '../../matrix/errors.ts'
import type { Database, Tx } from '../../storage/index.ts'
import {
  addRegistrationToken,
  changeRegistrationToken,
  countRegistrationTokens,
  deleteRegistrationToken,
  readRegistrationToken,
  readRegistrationTokens,
  type RegistrationToken,
  useRegistrationToken,
} from './store.ts'

/** What may be said of a token; what is left out has its default, or stays. */
export interface RegistrationTokenWish {
  /** Null: as many registrations as you like. */
  readonly usesAllowed?: number | null | undefined
  /** Milliseconds since 1970; null: it does not run out. */
  readonly expires?: number | null | undefined
}

/** The tokens that administrators hand out for registration, besides those of the configuration. */
export interface RegistrationTokens {
  /** All of them: there are at most 10,000. */
  list(): Promise<RegistrationToken[]>
  /** @throws MatrixError M_NOT_FOUND */
  get(token: string): Promise<RegistrationToken>
  /** Makes a token, up when none is named. @throws MatrixError M_INVALID_PARAM */
  add(token: string | undefined, length: number, wish: RegistrationTokenWish): Promise<RegistrationToken>
  /** @throws MatrixError M_NOT_FOUND, M_INVALID_PARAM */
  change(token: string, wish: RegistrationTokenWish): Promise<RegistrationToken>
  /** @throws MatrixError M_NOT_FOUND */
  delete(token: string): Promise<void>
}

const most = 10_000
const grammar = /^[A-Za-z0-9._~-]{1,64}$/

const isGood = ({ uses_allowed: allowed, completed, expires_ts: expires }: RegistrationToken, now: number): boolean =>
  (allowed === null || completed < allowed) && (expires === null || expires > now)

const unknown = (token: string): MatrixError =>
  new MatrixError('M_NOT_FOUND', `There is no registration token "${token.slice(0, 64)}"`)

function check({ usesAllowed, expires }: RegistrationTokenWish, now: number): void {
  if (typeof usesAllowed === 'number' && (usesAllowed < 0 || !Number.isSafeInteger(usesAllowed)))
    throw new MatrixError('M_INVALID_PARAM', '"uses_allowed" must be a number from 0 on, or null')
  if (typeof expires === 'number' && (expires <= now || !Number.isSafeInteger(expires)))
    throw new MatrixError('M_INVALID_PARAM', '"expiry_time" must lie ahead')
}

export const openRegistrationTokens = (deps: {
  database: Database
  now: () => number
  randomId: () => string
}): RegistrationTokens => {
  const { database, now } = deps
  const fresh = (length: number): string => {
    let token = ''
    while (token.length < length) token += deps.randomId().replaceAll(/[^A-Za-z0-9._~-]/g, '')
    return token.slice(0, length)
  }
  return {
    list: () => readRegistrationTokens(database.read, most),
    get: async (token) => {
      const row = await readRegistrationToken(database.read, token)
      if (!row) throw unknown(token)
      return row
    },
    add: async (wanted, length, wish) => {
      check(wish, now())
      if (wanted !== undefined && !grammar.test(wanted))
        throw new MatrixError('M_INVALID_PARAM', 'A registration token has 1 to 64 letters, digits and ". _ ~ -"')
      if (!Number.isInteger(length) || length < 1 || length > 64)
        throw new MatrixError('M_INVALID_PARAM', '"length" must be from 1 to 64')
      const row: RegistrationToken = {
        token: wanted ?? fresh(length),
        uses_allowed: wish.usesAllowed ?? null,
        completed: 0,
        expires_ts: wish.expires ?? null,
        created_ts: now(),
      }
      await database.write(async (tx) => {
        if ((await countRegistrationTokens(tx)) >= most)
          throw new MatrixError('M_LIMIT_EXCEEDED', `There can be ${most} registration tokens: delete some first`)
        if (!(await addRegistrationToken(tx, row)))
          throw new MatrixError('M_INVALID_PARAM', 'There is a registration token of that name already')
      })
      return row
    },
    change: async (token, wish) => {
      check(wish, now())
      const { usesAllowed, expires } = wish
      const row = await database.write((tx) =>
        changeRegistrationToken(tx, token, {
          ...(usesAllowed !== undefined && { uses_allowed: usesAllowed }),
          ...(expires !== undefined && { expires_ts: expires }),
        }),
      )
      if (!row) throw unknown(token)
      return row
    },
    delete: async (token) => {
      if (!(await database.write((tx) => deleteRegistrationToken(tx, token)))) throw unknown(token)
    },
  }
}

/** Whether an administrator's token is good for a registration now. */
export async function isRegistrationToken(
  { database, now }: { database: Database; now: () => number },
  token: string,
): Promise<boolean> {
  const row = await readRegistrationToken(database.read, token)
  return row !== undefined && isGood(row, now())
}

/** Counts the registration that a token was used for, inside its write. @throws MatrixError M_FORBIDDEN when others were faster */
export async function takeRegistrationToken(tx: Tx, token: string, now: number): Promise<void> {
  if (!(await useRegistrationToken(tx, token, now)))
    throw new MatrixError('M_FORBIDDEN', 'This registration token has been used up, or has run out')
}
