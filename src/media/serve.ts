import type { Readable } from 'node:stream'
import { MatrixError } from '../matrix/errors.ts'
import { Reply } from '../http/index.ts'
import { parseRange } from './byte-range.ts'
import type { MediaContext } from './deps.ts'
import { contentDisposition } from './disposition.ts'
import { isInline } from './media-type.ts'

/** A file of the store, as it is to be answered with. */
export interface Served {
  /** What the store calls it. */
  readonly name: string
  readonly size: number
  /** In its normal form. */
  readonly type: string
  readonly filename: string | null
}

export interface ServeOptions {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Whether a cache that many people share may keep it. */
  readonly shared: boolean
}

/**
 * What comes with every file: it is shown without scripts, from any page, and kept by caches, since an address never gets another file.
 * @see https://spec.matrix.org/v1.19/client-server-api/#content-repository
 */
export const fileHeaders = (file: Omit<Served, 'size' | 'name'>, shared: boolean): Record<string, string> => ({
  'content-type': file.type,
  'content-disposition': contentDisposition(isInline(file.type) ? 'inline' : 'attachment', file.filename),
  'content-security-policy':
    "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';",
  'cross-origin-resource-policy': 'cross-origin',
  'cache-control': `${shared ? 'public' : 'private'}, max-age=86400, immutable`,
  'access-control-expose-headers': 'Content-Disposition, Content-Range, ETag',
})

const one = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(', ') : header

const isNamed = (header: string | undefined, tag: string): boolean =>
  header !== undefined &&
  header.split(',').some((part) => part.trim() === '*' || part.trim().replace(/^W\//, '') === tag)

/** Answers with a file, or with the stretch of it that is asked for. */
export function serveFile(ctx: Pick<MediaContext, 'store'>, file: Served, { headers, shared }: ServeOptions): Reply {
  const tag = `"${file.name}"`
  const common = { ...fileHeaders(file, shared), etag: tag, 'accept-ranges': 'bytes' }
  if (isNamed(one(headers['if-none-match']), tag)) return new Reply({ status: 304, headers: common })
  const condition = one(headers['if-range'])
  const range =
    condition === undefined || condition.trim() === tag ? parseRange(one(headers['range']), file.size) : undefined
  if (range === 'unsatisfiable') {
    const { errcode, error } = new MatrixError('M_INVALID_PARAM', `The file has ${file.size} bytes`).body()
    return new Reply({
      status: 416,
      headers: { 'content-type': 'application/json', 'content-range': `bytes */${file.size}` },
      body: JSON.stringify({ errcode, error }),
    })
  }
  const body = async (): Promise<Readable> => {
    const found = await ctx.store.open(file.name, range)
    if (!found) throw new Error(`The store has lost ${file.name}`)
    return found
  }
  if (!range) return new Reply({ headers: { ...common, 'content-length': String(file.size) }, body })
  return new Reply({
    status: 206,
    body,
    headers: {
      ...common,
      'content-range': `bytes ${range.start}-${range.end}/${file.size}`,
      'content-length': String(range.end - range.start + 1),
    },
  })
}
