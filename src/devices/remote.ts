import type { JsonObject } from '../matrix/json.ts'
import type { Tx } from '../storage/index.ts'

/** What another server says of keys of its users, by user id; undefined where it says nothing. */
export interface RemoteKeys {
  readonly deviceKeys: JsonObject
  readonly masterKeys: JsonObject
  readonly selfSigningKeys: JsonObject
}

/** Port to federation/: devices of users of other servers. */
export interface RemoteDevices {
  /** Leaves messages for devices by user id, within a write. Gives the servers that `sent` is to be called with after it. */
  leave(
    tx: Tx,
    sender: string,
    type: string,
    messages: Readonly<Record<string, Readonly<Record<string, JsonObject>>>>,
  ): Promise<readonly string[]>
  sent(servers: readonly string[]): void
  /** Asks a server for keys of its users. Rejects when it does not answer. */
  query(server: string, wanted: Readonly<Record<string, readonly string[]>>, timeoutMs: number): Promise<RemoteKeys>
  /** Claims keys: the same shape as it is wanted in, with the keys. Rejects when it does not answer. */
  claim(
    server: string,
    wanted: Readonly<Record<string, Readonly<Record<string, string>>>>,
    timeoutMs: number,
  ): Promise<JsonObject>
}
