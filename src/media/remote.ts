import type { Readable } from 'node:stream'

/** A file as another server gives it. */
export interface RemoteFile {
  /** Read it to its end, or destroy it. */
  readonly body: Readable
  /** As its header says; undefined where it does not. */
  readonly type: string | undefined
  readonly filename: string | undefined
}

/** Port to federation/: the files of other servers. */
export interface RemoteMedia {
  /** @throws MatrixError M_NOT_FOUND; 502 when it cannot be had */
  download(serverName: string, mediaId: string, signal: AbortSignal): Promise<RemoteFile>
}

/** What a file of another server is called in the table: no file of ours has a name with a slash. */
export const remoteName = (serverName: string, mediaId: string): string => `${serverName}/${mediaId}`
