import type { Reply } from '../http/index.ts'

/** Somebody of this server, by short and by full id. */
export interface LocalUser {
  readonly nid: number
  readonly userId: string
}

/** A picture that was fetched, and looked at: what its bytes say that it is. */
export interface Picture {
  readonly bytes: Uint8Array
  /** A media type such as `image/png`. */
  readonly type: string
}

/** Ports to folders further down, for what providers say of people. */
export interface PeoplePorts {
  /** Port to media/: keeps a picture as the user's upload; resolves to its mxc address. @throws MatrixError when it is not to be kept */
  readonly savePicture: (user: LocalUser, picture: Picture) => Promise<string>
  /** Port to media/: a picture of this server, small. @throws MatrixError M_NOT_FOUND */
  readonly showPicture: (mediaId: string, signal: AbortSignal) => Promise<Reply>
  /**
   * Port to rooms/: sees to it that the user is in the room (by alias or id), with that power; undefined leaves the power alone, and
   * null takes away what was given before. `given` is the power that was given before. Resolves to the room's id; undefined where
   * there is no such room, or nobody in it can let people in.
   */
  readonly enterRoom: (
    user: LocalUser,
    room: string,
    power: { give: number | null; given: number | null },
  ) => Promise<string | undefined>
  /** Port to rooms/: takes the power away that was given, and puts the user out where `out` says so. */
  readonly leaveRoom: (user: LocalUser, roomId: string, change: { given: number | null; out: boolean }) => Promise<void>
}

/** What sign-in says to the operator. A pino logger is one. Tokens and secrets are never among the details. */
export interface SignInLog {
  info(details: object, message: string): void
  warn(details: object, message: string): void
}

/** Port to metrics/: told of each attempt to come in; `refusedBy` is the check or rule that was not passed. */
export type CountAttempt = (attempt: {
  provider: string
  key?: string | undefined
  refusedBy?: string | undefined
}) => void
