import { createCipheriv, createDecipheriv } from 'node:crypto'

/** Lets a value travel through a browser, which can neither read nor change it. */
export interface Seal<T> {
  seal(value: T): string
  /** Undefined for what was not sealed here, for this, and lately. */
  open(text: unknown): T | undefined
  /** The same, once: undefined when it was taken before. */
  take(text: unknown): T | undefined
}

/** Of one purpose; beyond that the oldest are forgotten, which have nearly run out. */
const mostTaken = 100_000

const [ivBytes, tagBytes, keyBytes] = [12, 16, 32]

/** A key of this process: what is under way at a restart has to be begun again. */
export const sealKey = (randomBytes: (count: number) => Uint8Array): Uint8Array => randomBytes(keyBytes)

/** What has a sealed value end before its time. */
export interface Marks<T> {
  /** The mark of this moment, which is sealed along. */
  readonly now: () => number
  /** Whether a value that was sealed at that mark is good still. */
  readonly stands: (value: T, mark: number) => boolean
}

/**
 * @param purpose what the values are for: those of one purpose are nothing to another
 * @param lifetimeMs how long a sealed value can be opened
 */
export const createSeal = <T extends object>(
  deps: { key: Uint8Array; now: () => number; randomBytes: (count: number) => Uint8Array },
  purpose: string,
  lifetimeMs: number,
  marks?: Marks<T>,
): Seal<T> => {
  const additional = Buffer.from(purpose)
  /** What was taken, by what makes each sealed value another one, until it cannot be opened any more. */
  const taken = new Map<string, number>()
  const nameOf = (bytes: Buffer): string => bytes.toString('latin1', 0, ivBytes)
  const take = (bytes: Buffer): void => {
    for (const [old, until] of taken) {
      if (until > deps.now() && taken.size < mostTaken) break
      taken.delete(old)
    }
    taken.set(nameOf(bytes), deps.now() + lifetimeMs)
  }
  const open = (text: unknown, once = false): T | undefined => {
    const bytes = typeof text === 'string' ? Buffer.from(text, 'base64url') : Buffer.alloc(0)
    if (bytes.length <= ivBytes + tagBytes) return undefined
    const decipher = createDecipheriv('aes-256-gcm', deps.key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
    decipher.setAAD(additional).setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes))
    try {
      const plain = Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]).toString()
      // It opens, so it is what was sealed here for this purpose.
      const { value, until, mark } = JSON.parse(plain) as { value: T; until: number; mark: number }
      if (until <= deps.now() || (marks && !marks.stands(value, mark)) || taken.has(nameOf(bytes))) return undefined
      if (once) take(bytes)
      return value
    } catch {
      return undefined
    }
  }
  return {
    open: (text) => open(text),
    take: (text) => open(text, true),
    seal: (value) => {
      const iv = deps.randomBytes(ivBytes)
      const cipher = createCipheriv('aes-256-gcm', deps.key, iv, { authTagLength: tagBytes }).setAAD(additional)
      const sealed = [
        cipher.update(JSON.stringify({ value, until: deps.now() + lifetimeMs, mark: marks?.now() ?? 0 }), 'utf8'),
        cipher.final(),
      ]
      return Buffer.concat([iv, cipher.getAuthTag(), ...sealed]).toString('base64url')
    },
  }
}
