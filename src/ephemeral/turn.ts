import { createHmac } from 'node:crypto'

/** The settings of `turn`. */
export interface TurnConfig {
  readonly uris: readonly string[]
  readonly shared_secret?: string
  readonly username?: string
  readonly password?: string
  /** Milliseconds. */
  readonly lifetime: number
}

/** What a client hands to its WebRTC stack. */
export interface TurnCredentials {
  uris: string[]
  username: string
  password: string
  /** Seconds. */
  ttl: number
}

/**
 * A name and a password for a TURN server: of the user's own where the TURN server knows the secret that they are made from, else those
 * that everybody has. The name says when it runs out; the password is the name's HMAC.
 * @param now milliseconds since 1970
 * @see https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00
 */
export function turnCredentials(config: TurnConfig, userId: string, now: number): TurnCredentials {
  const ttl = Math.floor(config.lifetime / 1000)
  const uris = [...config.uris]
  if (config.shared_secret === undefined)
    return { uris, username: config.username ?? '', password: config.password ?? '', ttl }
  const username = `${Math.floor(now / 1000) + ttl}:${userId}`
  return { uris, username, password: createHmac('sha1', config.shared_secret).update(username).digest('base64'), ttl }
}
