import type { PublicRooms } from './public-rooms.ts'

/** What is asked of the room list of another server. */
export interface RemoteRoomsQuery {
  readonly limit?: number | undefined
  readonly since?: string | undefined
  readonly term?: string | undefined
  readonly roomTypes?: ReadonlyArray<string | null> | undefined
  readonly everything?: boolean | undefined
  /** The list of a network. */
  readonly instance?: string | undefined
}

/** Port to federation/: the directories of other servers. */
export interface RemoteDirectory {
  /** Where an alias of another server leads. @throws MatrixError when it leads nowhere, or cannot be found out */
  alias(alias: string): Promise<{ readonly roomId: string; readonly servers: readonly string[] }>
  /** A page of a server's room list. @throws MatrixError when it cannot be had */
  publicRooms(server: string, query: RemoteRoomsQuery): Promise<PublicRooms>
}
