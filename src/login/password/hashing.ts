import { argon2, timingSafeEqual } from 'node:crypto'
import { limitExceeded } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isBcrypt, openBcrypt } from './bcrypt.ts'

/** The cost of a guess. What is stored says which cost it was made with, so that these may rise. */
export interface PasswordCost {
  /** KiB. */
  memory: number
  passes: number
}

/** @see https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id */
const defaultCost: PasswordCost = { memory: 19 * 1024, passes: 2 }
const tagBytes = 32
const saltBytes = 16
const shortest = 8
/** In characters. Longer ones are refused before any work is done for them. */
const longest = 512
/** How many are hashed at once: each takes 19 MiB and a thread of the four that files and names are looked up with, too. */
const atOnce = 2
/** How many may wait for their turn, which is about 5 s. Beyond it people are asked to come again. */
const mayWait = 200

/** Hashing and checking of passwords, off the event loop. */
export interface Passwords {
  /** Throws M_WEAK_PASSWORD, or M_INVALID_PARAM for one that is too long. For passwords that people choose themselves. */
  check(password: string): void
  /** The PHC string to store. */
  hash(password: string): Promise<string>
  /**
   * Whether the password is the stored one, and whether the stored one should be made again at today's cost. `stored` is null
   * where there is no such account, or it has no password: that takes as long as a wrong password, and is never right.
   */
  verify(password: string, stored: string | null): Promise<{ ok: boolean; outdated: boolean }>
}

interface Phc extends PasswordCost {
  parallelism: number
  salt: Buffer
  tag: Buffer
}

const phcPattern =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$/
const encode = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')
const toPhc = ({ memory, passes, parallelism, salt, tag }: Phc): string =>
  `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${encode(salt)}$${encode(tag)}`

const parsePhc = (text: string): Phc => {
  const [, memory, passes, parallelism, salt, tag] = phcPattern.exec(text) ?? []
  if (salt === undefined || tag === undefined) throw new Error('A stored password hash is not an argon2id PHC string')
  return {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
}

/** At most `width` run at once, and at most `length` wait. */
const turnstile = (width: number, length: number) => {
  let running = 0
  const waiting: (() => void)[] = []
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (running >= width) {
      if (waiting.length >= length) throw limitExceeded(5000)
      await new Promise<void>((resolve) => waiting.push(resolve))
    } else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}

const derive = (
  password: string,
  { memory, passes, parallelism, salt }: Omit<Phc, 'tag'>,
  tagLength: number,
): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    // NFKC: the same password typed on another keyboard or system is the same bytes.
    const parameters = { message: password.normalize('NFKC'), nonce: salt, parallelism, tagLength, memory, passes }
    argon2('argon2id', parameters, (error, tag) => {
      if (error) reject(error)
      else resolve(tag)
    })
  })

/**
 * Makes the hasher. `cost` is lowered by tests only.
 * @param pepper what was put behind passwords by the server that hashes by bcrypt were taken over from
 */
export const createPasswords = (
  deps: { randomBytes: (count: number) => Uint8Array },
  cost: PasswordCost = defaultCost,
  pepper: () => string = () => '',
): Passwords => {
  const bcrypt = openBcrypt()
  const turn = turnstile(atOnce, mayWait)
  const fresh = (): Omit<Phc, 'tag'> => ({ ...cost, parallelism: 1, salt: Buffer.from(deps.randomBytes(saltBytes)) })
  const nobody: Phc = { ...fresh(), tag: Buffer.alloc(tagBytes) }
  return {
    check: (password) => {
      const { length } = Array.from(password.slice(0, 2 * longest + 2))
      if (length > longest)
        throw new MatrixError('M_INVALID_PARAM', `A password can have at most ${longest} characters`)
      if (length < shortest)
        throw new MatrixError('M_WEAK_PASSWORD', `A password must have at least ${shortest} characters`)
    },
    hash: (password) =>
      turn(async () => {
        const parameters = fresh()
        return toPhc({ ...parameters, tag: await derive(password, parameters, tagBytes) })
      }),
    verify: async (password, stored) => {
      if (password.length > 2 * longest) return { ok: false, outdated: false }
      if (stored !== null && isBcrypt(stored)) {
        const ok = await turn(() => bcrypt.compare(password, stored, pepper()))
        return { ok, outdated: ok }
      }
      const phc = stored === null ? nobody : parsePhc(stored)
      const tag = await turn(() => derive(password, phc, phc.tag.length))
      const ok = timingSafeEqual(tag, phc.tag) && stored !== null
      return { ok, outdated: ok && (phc.memory !== cost.memory || phc.passes !== cost.passes || phc.parallelism !== 1) }
    },
  }
}
