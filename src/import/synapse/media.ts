import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { copyFile, link, mkdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { objectName, pathIn, remoteName } from '../../media/index.ts'
import { addFile, readFile, readKept, sumFiles } from '../store/media.ts'
import { putRows } from '../store/rows.ts'
import { isTrue, type ImportContext } from '../target.ts'

export interface MediaPlaces {
  /** Synapse's `media_store_path`. */
  readonly from: string
  /** The folder of files here; undefined: they are kept elsewhere. */
  readonly to: string | undefined
  /** Files are linked, where both are on one file system. */
  readonly link: boolean
}

interface Row {
  media_id: string
  media_origin: string | null
  filesystem_id: string
  media_type: string | null
  media_length: number | null
  created_ts: number | null
  upload_name: string | null
  user_id: string | null
  quarantined_by: string | null
  last_access_ts: number | null
  safe: unknown
  authenticated: unknown
}

const size = 200

/** Whether a name is one of Synapse's, and leads nowhere else. */
const isName = (name: string): boolean => /^[A-Za-z0-9_.[\]:-]+$/.test(name) && name !== '.' && name !== '..'

/** Where Synapse has a file. */
function pathOf(root: string, { media_origin: origin, filesystem_id: id }: Row): string | undefined {
  if (!isName(id) || id.length < 5 || (origin !== null && !isName(origin))) return undefined
  const spread = [id.slice(0, 2), id.slice(2, 4), id.slice(4)]
  return origin === null ? join(root, 'local_content', ...spread) : join(root, 'remote_content', origin, ...spread)
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** Puts a file into its place; what is half there when this ends has another name. */
async function place(path: string, target: string, isLinked: boolean): Promise<void> {
  await mkdir(dirname(target), { recursive: true, mode: 0o700 })
  if (isLinked) {
    const done = await link(path, target).then(
      () => true,
      () => false,
    )
    if (done) return
  }
  await copyFile(path, `${target}.part`, constants.COPYFILE_FICLONE)
  await rename(`${target}.part`, target).catch(async (error: unknown) => {
    await rm(`${target}.part`, { force: true })
    throw error
  })
}

/** Files of this server's users, and those of other servers that Synapse has kept. Thumbnails are made anew when somebody asks. */
export async function importMedia(ctx: ImportContext, places: MediaPlaces, of: number): Promise<void> {
  const { source, database, report, tell } = ctx
  if (places.to === undefined)
    return report.leave(
      'files: they are taken over into a folder alone. Set media.store to "files", or copy them by hand',
      '',
      of,
    )
  const shared = `t.media_id, t.media_type, t.media_length, t.created_ts, t.upload_name, t.quarantined_by, t.last_access_ts, t.authenticated`
  let done = 0
  const take = async (kind: string, rows: readonly Row[]): Promise<void> => {
    report.count(kind, rows.length, await takeAll(ctx, places, rows))
    tell({ part: 'files', done: (done += rows.length), of })
  }
  for await (const rows of source.scan<Row>(
    {
      columns: `${shared}, t.media_id as filesystem_id, t.user_id, t.safe_from_quarantine as safe, null as media_origin`,
      from: 'local_media_repository t',
      where: 't.url_cache is null',
    },
    size,
  ))
    await take('files', rows)
  for await (const rows of source.scan<Row>(
    {
      columns: `${shared}, t.filesystem_id, null as user_id, 0 as safe, t.media_origin`,
      from: 'remote_media_cache t',
    },
    size,
  ))
    await take('files of other servers', rows)
  await database.write((tx) => sumFiles(tx))
}

const nameOf = ({ media_origin: origin, media_id: id }: Row): string => (origin === null ? id : remoteName(origin, id))

const rowOf = (row: Row, file: number, size: number, user: number | null, now: number) => ({
  media_id: nameOf(row),
  user_nid: user,
  file_nid: file,
  size,
  type: (row.media_type ?? 'application/octet-stream').toLowerCase(),
  filename: row.upload_name,
  created_ts: row.created_ts ?? now,
  expires_ts: null,
  accessed_ts: row.last_access_ts ?? row.created_ts ?? now,
  authenticated: isTrue(row.authenticated) ? 1 : 0,
  quarantined_by: row.quarantined_by,
  safe: isTrue(row.safe) ? 1 : 0,
})

/** @returns how many there are here now */
async function takeAll(ctx: ImportContext, places: MediaPlaces, rows: readonly Row[]): Promise<number> {
  const { database, names, report, now } = ctx
  const kept = await readKept(database.read, rows.map(nameOf))
  const users = await names.users(rows.flatMap((row) => row.user_id ?? []))
  const media: ReturnType<typeof rowOf>[] = []
  for (const row of rows) {
    if (row.media_length === null) {
      report.leave('uploads that were announced and have not come', row.media_id)
      continue
    }
    const file = kept.get(nameOf(row)) ?? (await takeFile(ctx, places, row))
    if (file === undefined) continue
    media.push(rowOf(row, file, row.media_length, users.get(row.user_id ?? '') ?? null, now()))
  }
  await database.write((tx) => putRows(tx, 'media', media, { key: ['media_id'] }))
  return media.length
}

/** Brings one file, once for all addresses that have its content. */
async function takeFile(
  { database, report, randomId }: ImportContext,
  places: MediaPlaces,
  row: Row,
): Promise<number | undefined> {
  const path = pathOf(places.from, row)
  const found = path === undefined ? undefined : await stat(path).catch(() => undefined)
  if (path === undefined || !found?.isFile()) {
    report.leave('files that Synapse has lost, or keeps elsewhere (media_storage_providers)', nameOf(row))
    return undefined
  }
  const hash = await hashOf(path)
  const known = await readFile(database.read, hash)
  if (known !== undefined) return known
  const name = objectName(hash, randomId())
  await place(path, pathIn(places.to ?? '', name), places.link)
  return database.write((tx) => addFile(tx, { hash, name, size: found.size }))
}
