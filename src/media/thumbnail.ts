import { availableParallelism } from 'node:os'
import { MatrixError } from '../matrix/errors.ts'
import { Reply } from '../http/index.ts'
import type { Reader } from '../storage/index.ts'
import type { MediaContext } from './deps.ts'
import type { Found } from './find.ts'
import { createGate, type Gate } from './gate.ts'
import { formatOf, headBytes, imageTypes, makePicture, readImage, type Image, type Picture } from './image.ts'
import { putObject } from './keep.ts'
import { objectName } from './object-store.ts'
import { fileHeaders, serveFile, type ServeOptions } from './serve.ts'
import {
  describeFile,
  lockFile,
  numberOfThumbnails,
  readThumbnail,
  saveThumbnail,
  type ThumbnailRow,
} from './store/files.ts'
import { fits, thumbnailSize, type ThumbnailRequest } from './thumbnail-size.ts'

/** Thumbnails of this server's files. */
export interface Thumbnails {
  /** @throws MatrixError 400 M_UNKNOWN for what no thumbnail can be made of, M_TOO_LARGE, M_LIMIT_EXCEEDED when many are being made */
  reply(file: Found, request: ThumbnailRequest, options: ServeOptions): Promise<Reply>
}

/** One of a file's thumbnails. */
interface Variant {
  readonly key: string
  readonly request: ThumbnailRequest
  /** Whether it moves. */
  readonly animated: boolean
}

/** Further sizes are made anew each time that somebody asks. */
const keptPerFile = 24
const noImage = ''

const impossible = (): MatrixError =>
  new MatrixError('M_UNKNOWN', 'No thumbnail can be made of this file', { status: 400 })

/** The media type of a format that may be answered with as it is: browsers know it, and the specification names it for thumbnails. */
const plainType = (format: string): string | undefined =>
  format === 'avif' ? undefined : Object.entries(imageTypes).find(([, name]) => name === format)?.[0]

async function readHead(ctx: MediaContext, file: Found): Promise<Uint8Array> {
  if (file.size === 0) return new Uint8Array()
  const body = await ctx.store.open(file.name, { start: 0, end: Math.min(headBytes, file.size) - 1 })
  if (!body) throw new Error(`The store has lost ${file.name}`)
  return Buffer.concat((await body.toArray()) as Buffer[])
}

/** Looks what image a file is, and remembers it. */
async function lookAt(ctx: MediaContext, file: Found): Promise<Image> {
  const format = await formatOf(await readHead(ctx, file))
  const image =
    format === undefined ? undefined : await ctx.store.withPath(file.name, (path) => readImage(path, format))
  const known = image ?? { format: noImage, width: 0, height: 0, frames: 0 }
  await ctx.database.write((tx) => describeFile(tx, file.nid, known))
  return known
}

async function make(ctx: MediaContext, file: Found, { request, animated }: Variant): Promise<Picture> {
  const pixels = ctx.config.max_image_pixels
  const picture = await ctx.store.withPath(file.name, (path) =>
    makePicture(path, thumbnailSize(request), { animated, pixels }),
  )
  if (!picture) throw impossible()
  return picture
}

async function keep(ctx: MediaContext, file: Found, key: string, { bytes, type }: Picture): Promise<void> {
  const isRoom = async (db: Reader): Promise<boolean> => (await numberOfThumbnails(db, file.nid)) < keptPerFile
  if (!(await isRoom(ctx.database.read))) return
  await using spooled = await ctx.spool.write([bytes])
  const name = objectName(spooled.sha256, ctx.randomId())
  await putObject(
    ctx,
    name,
    spooled,
    type,
    async (tx) =>
      (await lockFile(tx, file.nid)) &&
      (await isRoom(tx)) &&
      saveThumbnail(tx, file.nid, key, { name, type, size: spooled.size }),
  )
}

const nameOf = (type: string): string => `thumbnail.${type.slice('image/'.length)}`

export function createThumbnails(ctx: MediaContext): Thumbnails {
  // Images are decoded on the threads that files are read on: some are left for those.
  const gate: Gate = createGate({ atOnce: Math.min(3, Math.max(1, availableParallelism() - 1)), waiting: 200 })
  const underWay = new Map<string, Promise<ThumbnailRow | Picture>>()

  const getOrMake = async (file: Found, variant: Variant): Promise<ThumbnailRow | Picture> => {
    const kept = await readThumbnail(ctx.database.read, file.nid, variant.key)
    if (kept) return kept
    const picture = await gate.run(() => make(ctx, file, variant))
    // If it cannot be kept, whoever asked has the picture all the same, and the next one has it made anew.
    await keep(ctx, file, variant.key, picture).catch(ctx.onError)
    return picture
  }

  /** Whoever asks for what is being made already gets the same. */
  const once = (file: Found, variant: Variant): Promise<ThumbnailRow | Picture> => {
    const id = `${file.nid} ${variant.key}`
    const before = underWay.get(id)
    if (before) return before
    const picture = getOrMake(file, variant).finally(() => underWay.delete(id))
    underWay.set(id, picture)
    return picture
  }

  return {
    reply: async (file, request, options) => {
      const image = file.image ?? (await gate.run(() => lookAt(ctx, file)))
      if (image.format === noImage) throw impossible()
      const pixels = image.width * image.height
      const limit = ctx.config.max_image_pixels
      if (pixels > limit) throw new MatrixError('M_TOO_LARGE', `Images of more than ${limit} pixels get no thumbnail`)
      const size = thumbnailSize(request)
      const still = image.frames === 1 && image.format !== 'apng'
      const animated = request.animated && image.frames > 1 && pixels * image.frames <= limit
      const type = plainType(image.format)
      if (fits(image, size) && type !== undefined && (still || request.animated)) {
        return serveFile(ctx, { name: file.name, size: file.size, type, filename: nameOf(type) }, options)
      }
      const key = `${size.width}x${size.height}-${size.method}${animated ? '-animated' : ''}`
      const picture = await once(file, { key, request, animated })
      if ('name' in picture) return serveFile(ctx, { ...picture, filename: nameOf(picture.type) }, options)
      return new Reply({
        headers: fileHeaders({ type: picture.type, filename: nameOf(picture.type) }, options.shared),
        body: picture.bytes,
      })
    },
  }
}
