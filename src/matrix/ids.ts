import { MatrixError } from './errors.ts'

/** The two halves of an id of the form `&localpart:server`. */
export interface IdParts {
  readonly localpart: string
  readonly serverName: string
}

/** No id may be longer, sigil and server name included. */
const maxBytes = 255

const serverNamePattern = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(?::[0-9]{1,5})?$/
const strictLocalpart = /^[a-z0-9._=\-/+]+$/
const base64Hash = /^[A-Za-z0-9+/]{43}$/
const urlSafeHash = /^[A-Za-z0-9_-]{43}$/

/** Whether the UTF-8 form fits; a UTF-16 unit takes three bytes at most, which spares the counting for short texts. */
const fits = (text: string): boolean => text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes

/**
 * Whether the text is a server name: DNS name, IPv4 or bracketed IPv6 address, and an optional port.
 * @see https://spec.matrix.org/v1.19/appendices/#server-name
 */
export const isServerName = (value: unknown): value is string =>
  typeof value === 'string' && serverNamePattern.test(value)

/** Splits `&localpart:server` at its first colon, which a localpart cannot contain; undefined when it is no such id. */
function parseId(sigil: string, text: unknown): IdParts | undefined {
  if (typeof text !== 'string' || text[0] !== sigil || !fits(text)) return undefined
  const colon = text.indexOf(':')
  if (colon < 0) return undefined
  const localpart = text.slice(1, colon)
  const serverName = text.slice(colon + 1)
  if (localpart.includes('\0') || !localpart.isWellFormed() || !serverNamePattern.test(serverName)) return undefined
  return { localpart, serverName }
}

/**
 * The parts of a user id in the historical grammar, which is to be accepted from other servers (the localpart may even be
 * empty); undefined when it is none. For ids made here see {@link makeUserId}.
 * @see https://spec.matrix.org/v1.19/appendices/#historical-user-ids
 */
export const parseUserId = (value: unknown): IdParts | undefined => parseId('@', value)

/** Whether the value is a user id in the historical grammar. */
export const isUserId = (value: unknown): value is string => parseId('@', value) !== undefined

/**
 * Whether a new user may have this localpart on this server: the strict grammar, and at most 255 bytes for the whole user id.
 * @see https://spec.matrix.org/v1.19/appendices/#user-identifiers
 */
export const isValidLocalpart = (localpart: string, serverName: string): boolean =>
  strictLocalpart.test(localpart) && localpart.length + serverName.length + 2 <= maxBytes

/** The user id of a new user. Throws M_INVALID_USERNAME, with the reason, when the localpart cannot name one. */
export function makeUserId(localpart: string, serverName: string): string {
  if (localpart === '') throw new MatrixError('M_INVALID_USERNAME', 'A user name cannot be empty')
  if (!strictLocalpart.test(localpart)) {
    throw new MatrixError('M_INVALID_USERNAME', 'A user name can only have the characters a-z, 0-9 and . _ = - / +')
  }
  if (!isValidLocalpart(localpart, serverName)) {
    throw new MatrixError(
      'M_INVALID_USERNAME',
      `The user name is too long: with the server name it can have ${maxBytes} characters`,
    )
  }
  return `@${localpart}:${serverName}`
}

/**
 * A localpart for any text: A–Z become lower case, every other byte of its UTF-8 form outside the grammar, and `=`, becomes
 * `=xx`. Texts that differ in more than ASCII case never meet, and a colon or an `@` cannot end up as anybody else's name.
 * The result of '' is '', and a long text gives a long result: {@link makeUserId} judges both.
 * Throws M_INVALID_USERNAME for half a surrogate pair, which has no UTF-8 form.
 * @see https://spec.matrix.org/v1.19/appendices/#mapping-from-other-character-sets
 */
export function mapToLocalpart(text: string): string {
  if (!text.isWellFormed()) throw new MatrixError('M_INVALID_USERNAME', 'The name is not valid Unicode')
  return text
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase())
    .replace(/[^a-z0-9._\-/+]+/g, (outside) => Buffer.from(outside).toString('hex').replace(/../g, '=$&'))
}

/** What stands between the sigil and the first colon (or the end). For ids that are known to be valid. */
export function localpartOf(id: string): string {
  const colon = id.indexOf(':')
  return colon < 0 ? id.slice(1) : id.slice(1, colon)
}

/** The server name of an id that is known to be valid; empty for ids without one (room ids of v12, event ids of v3 and later). */
export function serverOf(id: string): string {
  const colon = id.indexOf(':')
  return colon < 0 ? '' : id.slice(colon + 1)
}

/** Whether the user id belongs to this server. Server names are compared with case. */
export const isLocalUser = (userId: string, serverName: string): boolean =>
  userId[0] === '@' && serverOf(userId) === serverName

/**
 * Whether the value is a room id: `!opaque:server`, or the hash form of v12.
 * @see https://spec.matrix.org/v1.19/appendices/#room-ids
 */
export const isRoomId = (value: unknown): value is string => isHashRoomId(value) || parseId('!', value) !== undefined

/** Whether the value is a room id that names no server, being the hash of its create event (v12 and later). */
export const isHashRoomId = (value: unknown): value is string =>
  typeof value === 'string' && value[0] === '!' && urlSafeHash.test(value.slice(1))

/**
 * The parts of a room alias; undefined when it is none.
 * @see https://spec.matrix.org/v1.19/appendices/#room-aliases
 */
export function parseRoomAlias(value: unknown): IdParts | undefined {
  const parts = parseId('#', value)
  return parts?.localpart === '' ? undefined : parts
}

/** Whether the value is a room alias. */
export const isRoomAlias = (value: unknown): value is string => parseRoomAlias(value) !== undefined

/**
 * Whether the value is an event id: of the given format (`v1` names a server, `v3` is base64, `v4` is URL-safe), or of any.
 * @see https://spec.matrix.org/v1.19/appendices/#event-ids
 */
export function isEventId(value: unknown, format?: 'v1' | 'v3' | 'v4'): value is string {
  if (typeof value !== 'string' || value[0] !== '$') return false
  switch (format) {
    case 'v1':
      return parseId('$', value) !== undefined
    case 'v3':
      return base64Hash.test(value.slice(1))
    case 'v4':
      return urlSafeHash.test(value.slice(1))
    default:
      return urlSafeHash.test(value.slice(1)) || base64Hash.test(value.slice(1)) || parseId('$', value) !== undefined
  }
}

/**
 * Whether the value follows the opaque identifier grammar (device ids, transaction ids, media ids … that we make).
 * @see https://spec.matrix.org/v1.19/appendices/#opaque-identifiers
 */
export const isOpaqueId = (value: unknown): value is string =>
  typeof value === 'string' && /^[0-9A-Za-z\-._~]{1,255}$/.test(value)

/**
 * Whether the value follows the common namespaced identifier grammar, such as `m.space` or `com.example.thing`.
 * @see https://spec.matrix.org/v1.19/appendices/#common-namespaced-identifier-grammar
 */
export const isNamespacedId = (value: unknown): value is string =>
  typeof value === 'string' && /^[a-z][a-z0-9\-_.]{0,254}$/.test(value)

/**
 * Server and media id of an `mxc://` address; undefined when it is none.
 * @see https://spec.matrix.org/v1.19/client-server-api/#matrix-content-mxc-uris
 */
export function parseMxc(value: unknown): { serverName: string; mediaId: string } | undefined {
  const match = typeof value === 'string' ? /^mxc:\/\/([^/]+)\/([0-9A-Za-z_-]{1,255})$/.exec(value) : null
  const [, serverName, mediaId] = match ?? []
  return mediaId !== undefined && isServerName(serverName) ? { serverName, mediaId } : undefined
}
