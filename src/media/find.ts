import { MatrixError } from '../matrix/errors.ts'
import { isServerName } from '../matrix/ids.ts'
import type { MediaContext } from './deps.ts'
import { remoteName } from './remote.ts'
import { deleteMedia, readMedia, touchMedia, type MediaRow } from './store/media.ts'

/** An address as it stands in a request. */
export interface Wanted {
  readonly serverName: string
  readonly mediaId: string
  /** How long to wait for a file that has not been uploaded yet, in ms. */
  readonly patience: number
  /** Whether whoever asks is signed in. */
  readonly signedIn: boolean
  /** An administrator who wants to see what is kept from everybody. */
  readonly quarantined?: boolean | undefined
  readonly signal: AbortSignal
}

/** A file that is there. */
export interface Found {
  readonly nid: number
  readonly hash: string
  /** What the store calls it. */
  readonly name: string
  readonly size: number
  readonly type: string
  readonly filename: string | null
  /** What it is as an image; undefined while nobody has looked. */
  readonly image: { format: string; width: number; height: number; frames: number } | undefined
}

const day = 24 * 60 * 60 * 1000

const notFound = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such file')

/** What is protected is not kept back for the content that it shares with others. */
const isQuarantined = (row: MediaRow): boolean =>
  row.quarantined_by !== null || (row.file_quarantined_by !== null && row.safe !== 1)

function foundIn(row: MediaRow): Found | undefined {
  if (row.file_nid === null || row.hash === null || row.name === null) return undefined
  const { format, width, height, frames } = row
  return {
    nid: row.file_nid,
    hash: row.hash,
    name: row.name,
    size: row.size,
    type: row.type,
    filename: row.filename,
    image:
      format === null || width === null || height === null || frames === null
        ? undefined
        : { format, width, height, frames },
  }
}

/**
 * Finds a file, and waits for one whose upload has not come yet.
 * @throws MatrixError M_NOT_FOUND, also for a file that is only for people who are signed in; M_NOT_YET_UPLOADED
 */
export async function findMedia(ctx: MediaContext, wanted: Wanted): Promise<Found> {
  const { mediaId, serverName } = wanted
  const isOurs = serverName === ctx.serverName
  const name = isOurs ? mediaId : remoteName(serverName, mediaId)
  // Strangers are given what is here, if it is for them, and have nothing fetched.
  if (!isOurs && wanted.signedIn && ctx.bring && isServerName(serverName)) {
    const known = await readMedia(ctx.database.read, name)
    const isOld =
      known !== undefined && known.expires_ts !== null && known.expires_ts <= ctx.now() && !isQuarantined(known)
    if (isOld) await ctx.database.write((tx) => deleteMedia(tx, name))
    if (!known || isOld) await ctx.bring(serverName, mediaId)
  }
  const read = async (): Promise<MediaRow> => {
    const row = await readMedia(ctx.database.read, name)
    if (!row || (row.authenticated === 1 && !wanted.signedIn)) throw notFound()
    if (isQuarantined(row) && !wanted.quarantined) throw notFound()
    if (row.expires_ts !== null && row.expires_ts <= ctx.now()) throw notFound()
    return row
  }
  let row = await read()
  if (row.file_nid === null) {
    // Whoever waits says so before looking once more, lest the file come in between.
    using arrival = ctx.arrivals.expect(mediaId)
    row = await read()
    if (row.file_nid === null) {
      await arrival.within(wanted.patience, wanted.signal)
      row = await read()
    }
  }
  const found = foundIn(row)
  if (!found) throw new MatrixError('M_NOT_YET_UPLOADED', 'This file has not been uploaded yet')
  const now = ctx.now()
  // To a day is enough to know what nobody wants any more, and spares a write for each download.
  if (row.accessed_ts < now - day) ctx.database.write((tx) => touchMedia(tx, name, now)).catch(ctx.onError)
  return found
}
