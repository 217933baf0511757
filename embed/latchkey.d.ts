/** What could not be done, and why. `code` is the homeserver's `errcode`, or one of the module's own. */
export class LatchkeyError extends Error {
  /**
   * An `errcode` of the homeserver (`M_FORBIDDEN`: the token was refused, `M_USER_DEACTIVATED` …), or
   * - `LATCHKEY_ACCOUNT`: `account` is missing
   * - `LATCHKEY_TOKEN`: your backend gave no token; `status` is what it answered
   * - `LATCHKEY_FRAME`: the homeserver's page does not let this origin in
   * - `LATCHKEY_OTHER_USER`: the token is of somebody else than the session that is kept for `account`
   * - `LATCHKEY_DEVICE_GONE`: the device was signed out elsewhere, and its keys are gone
   * - `LATCHKEY_ENDED`: the session was ended, here or in another tab
   */
  readonly code: string
  /** The status of the answer; undefined where none was asked for. */
  readonly status: number | undefined
  /** How long to wait before trying again, in ms, where the homeserver says so. */
  readonly retryAfterMs: number | undefined
}

/** Where a session is kept. What one tab has written, the others must see at once: `localStorage` does not promise that. */
export interface SessionStorage {
  getItem(key: string): string | null | undefined | Promise<string | null | undefined>
  setItem(key: string, value: string): unknown
  removeItem(key: string): unknown
}

export interface Options {
  /** The address of the homeserver, `public_base_url` in its configuration. */
  homeserver: string
  /**
   * What your application calls the user who is signed in to it. Sessions are kept by this name, so that nobody gets the session of who
   * sat here before.
   */
  account: string
  /**
   * Where a JWT of this user comes from: a function that resolves to one, or an address of your own backend, which is asked with the
   * cookies of your application and answers with the bare token. Asked for at the first sign-in, and when a session has run out.
   */
  token: string | (() => string | Promise<string>)
  /** What the session is called in the list of the user's sessions, when it is new. */
  deviceName?: string
  /** Where the session is kept. Default: the database `latchkey` (IndexedDB) of your application's origin. */
  storage?: SessionStorage
  /** Whether to sign in by a page of the homeserver in a hidden frame, which answers the origins of `embed.origins` only. Default false. */
  frame?: boolean
  /** Told of each new access token: for what brings it by itself, such as the file uploads of matrix-js-sdk (`client.setAccessToken`). */
  onToken?: (accessToken: string) => void
}

/** A session on a device that stays the same over reloads, as long as nobody signs it out. */
export interface Session {
  readonly homeserver: string
  readonly userId: string
  /** Keep what belongs to the device, such as its encryption keys, by this id: a device that was signed out comes back as another one. */
  readonly deviceId: string
  /** An access token that is good for a while yet. */
  accessToken(): Promise<string>
  /**
   * `fetch` with the session's token, for addresses of the homeserver (`/_matrix/…` will do). Tokens that run out are replaced, if need
   * be by signing in again on the same device; when that is refused the answer is 401 `M_UNKNOWN_TOKEN`, which clients take for signed out.
   */
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>
  /** What `createClient` of matrix-js-sdk takes. */
  clientOptions(): Promise<{
    baseUrl: string
    userId: string
    deviceId: string
    accessToken: string
    fetchFn: typeof globalThis.fetch
  }>
  /** Proof of who this is, for requests that ask for it (user-interactive authentication). `session` is the one that the 401 named. */
  auth(session?: string): Promise<{ type: 'org.matrix.login.jwt'; token: string; session?: string }>
  /** An address of the user's account page (sessions, linked identities, profile), good once, for two minutes: open it in a new tab. */
  accountLink(): Promise<string>
  /** Signs out: the device and its keys go, here and at the homeserver. */
  end(): Promise<void>
}

/**
 * The session of whoever is signed in to your application: the one that is kept, or a new one.
 * @throws {LatchkeyError}
 */
export function openSession(options: Options): Promise<Session>
