import type { SessionParts } from './deps.ts'
import { addLoginToken, takeLoginToken } from './store/login-tokens.ts'
import type { ProviderSession } from './store/origins.ts'
import { hashToken, makeToken } from './tokens.ts'

/** Whose session a login token opens. */
export interface LoginTokenFor {
  readonly user: number
  /** What that session comes of. */
  readonly from?: ProviderSession | undefined
  /** When that session is to end, in ms; undefined: when somebody ends it. */
  readonly until?: number | undefined
  /** When the user last showed who they are, in ms; undefined: not known. */
  readonly since?: number | undefined
}

/** How long a login token is good, in ms: long enough to be carried to another device. */
export const loginTokenMs = 120_000

/** Tokens that open a session once, soon: for another device of the same user, or for the app that sent somebody through a browser. */
export interface LoginTokens {
  make(wanted: LoginTokenFor): Promise<string>
  /** Uses a token up. Undefined for one that is not known, was used, or has run out. */
  take(token: string): Promise<LoginTokenFor | undefined>
}

export const createLoginTokens = ({
  database,
  now,
  randomId,
}: Pick<SessionParts, 'database' | 'now' | 'randomId'>): LoginTokens => ({
  make: async ({ user, from, until, since }) => {
    const [token, made] = [makeToken('login', randomId), now()]
    await database.write((tx) =>
      addLoginToken(tx, { hash: hashToken(token), user, expires: made + loginTokenMs, now: made, from, until, since }),
    )
    return token
  },
  take: async (token) => {
    const hash = hashToken(token)
    const taken = await database.write((tx) => takeLoginToken(tx, hash))
    return taken && taken.expires > now()
      ? { user: taken.user, from: taken.from, until: taken.until, since: taken.since }
      : undefined
  },
})
