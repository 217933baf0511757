import { MatrixError } from '../matrix/errors.ts'
import type { Session } from '../http/index.ts'
import type { Reader, Tx } from '../storage/index.ts'
import type { MediaContext } from './deps.ts'
import { keepFile } from './keep.ts'
import { essenceOf, normalType } from './media-type.ts'
import { fillMedia, insertMedia, measureMedia, numberOfPending, readMedia } from './store/media.ts'

/** An upload as it comes in. */
export interface Upload {
  readonly body: AsyncIterable<Uint8Array>
  /** As the header says it. */
  readonly type: string | undefined
  readonly filename: string | undefined
  /** What the header announces; NaN where it does not. */
  readonly length: number
}

/** Whose upload it is. */
export type Uploader = Pick<Session, 'user'>

/** 144 bits: on the old endpoints, whoever knows the address has the file. */
export const newMediaId = (ctx: MediaContext): string => ctx.randomId().slice(0, 24)

export const mxc = (ctx: Pick<MediaContext, 'serverName'>, mediaId: string): string =>
  `mxc://${ctx.serverName}/${mediaId}`

const tooMuch = (): MatrixError =>
  new MatrixError('M_FORBIDDEN', 'You have reached the limit for uploaded files on this server')

/** @throws MatrixError M_FORBIDDEN when the user cannot have so much more */
async function checkQuota(
  ctx: MediaContext,
  db: Reader | Tx,
  user: number,
  more: { files: number; bytes: number },
): Promise<void> {
  const { user_quota: bytes, user_quota_files: files } = ctx.config
  if (bytes === 'off' && files === 'off') return
  const has = await measureMedia(db, user)
  if (bytes !== 'off' && has.bytes + more.bytes > bytes) throw tooMuch()
  if (files !== 'off' && has.files + more.files > files) throw tooMuch()
}

/** What can be refused is refused before the body is read. */
async function checkBefore(ctx: MediaContext, session: Uploader, upload: Upload, files: number): Promise<string> {
  const type = normalType(upload.type)
  // A form is never what somebody wants to send: its parts are.
  if (essenceOf(type).startsWith('multipart/'))
    throw new MatrixError('M_FORBIDDEN', 'Forms are not taken: send the file itself as the body')
  if (upload.length > ctx.config.max_upload_size) {
    throw new MatrixError('M_TOO_LARGE', `Files larger than ${ctx.config.max_upload_size} bytes are not taken here`)
  }
  await checkQuota(ctx, ctx.database.read, session.user, {
    files,
    bytes: Number.isNaN(upload.length) ? 0 : upload.length,
  })
  return type
}

const nameOf = (upload: Upload): string | null =>
  upload.filename === undefined || upload.filename === '' ? null : upload.filename

/** Takes a file and returns its address. @throws MatrixError M_TOO_LARGE, M_FORBIDDEN, M_USER_SUSPENDED */
export async function upload(ctx: MediaContext, session: Uploader, upload: Upload): Promise<string> {
  const type = await checkBefore(ctx, session, upload, 1)
  await using file = await ctx.spool.write(upload.body)
  const mediaId = newMediaId(ctx)
  const now = ctx.now()
  await keepFile(ctx, file, type, async (tx, nid) => {
    await checkQuota(ctx, tx, session.user, { files: 1, bytes: file.size })
    await insertMedia(tx, {
      media_id: mediaId,
      user_nid: session.user,
      file_nid: nid,
      size: file.size,
      type,
      filename: nameOf(upload),
      created_ts: now,
      expires_ts: null,
      accessed_ts: now,
      authenticated: ctx.config.authenticated_only ? 1 : 0,
    })
  })
  return mxc(ctx, mediaId)
}

/** Makes an address whose file comes later. @throws MatrixError M_LIMIT_EXCEEDED when too many are waited for, M_FORBIDDEN */
export async function createAddress(
  ctx: MediaContext,
  session: Session,
): Promise<{ content_uri: string; unused_expires_at: number }> {
  const mediaId = newMediaId(ctx)
  const now = ctx.now()
  const expires = now + ctx.config.pending_upload_lifetime
  await ctx.database.write(async (tx) => {
    if ((await numberOfPending(tx, session.user, now)) >= ctx.config.max_pending_uploads) {
      throw new MatrixError('M_LIMIT_EXCEEDED', 'Upload the files of the addresses that you have first', {
        retryAfterMs: 60_000,
      })
    }
    await checkQuota(ctx, tx, session.user, { files: 1, bytes: 0 })
    await insertMedia(tx, {
      media_id: mediaId,
      user_nid: session.user,
      file_nid: null,
      size: 0,
      type: '',
      filename: null,
      created_ts: now,
      expires_ts: expires,
      accessed_ts: now,
      authenticated: ctx.config.authenticated_only ? 1 : 0,
    })
  })
  return { content_uri: mxc(ctx, mediaId), unused_expires_at: expires }
}

/**
 * Takes the file of an address that was made before.
 * @throws MatrixError M_NOT_FOUND, M_FORBIDDEN for somebody else's address, M_CANNOT_OVERWRITE_MEDIA; as `upload`
 */
export async function uploadTo(
  ctx: MediaContext,
  session: Session,
  address: { serverName: string; mediaId: string },
  upload: Upload,
): Promise<void> {
  const { mediaId } = address
  const overwrites = (): MatrixError => new MatrixError('M_CANNOT_OVERWRITE_MEDIA', 'This address has its file already')
  const unknown = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such address, or it has expired')
  const row = address.serverName === ctx.serverName ? await readMedia(ctx.database.read, mediaId) : undefined
  if (!row || (row.expires_ts !== null && row.expires_ts <= ctx.now())) throw unknown()
  if (row.user_nid !== session.user) throw new MatrixError('M_FORBIDDEN', 'This address was made by somebody else')
  if (row.file_nid !== null) throw overwrites()
  const type = await checkBefore(ctx, session, upload, 0)
  await using file = await ctx.spool.write(upload.body)
  await keepFile(ctx, file, type, async (tx, nid) => {
    await checkQuota(ctx, tx, session.user, { files: 0, bytes: file.size })
    const filled = await fillMedia(tx, {
      media_id: mediaId,
      file_nid: nid,
      size: file.size,
      type,
      filename: nameOf(upload),
      accessed_ts: ctx.now(),
    })
    if (!filled) throw (await readMedia(tx, mediaId)) ? overwrites() : unknown()
  })
  ctx.arrivals.arrived(mediaId)
}
