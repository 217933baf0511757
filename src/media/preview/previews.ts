import { MatrixError } from '../../matrix/errors.ts'
import { compileGlob } from '../../matrix/glob.ts'
import { OutgoingError, type OutgoingReply, type OutgoingRequest } from '../../http/index.ts'
import type { MediaContext } from '../deps.ts'
import { createGate } from '../gate.ts'
import { formatOf, headBytes, imageTypes, readImage } from '../image.ts'
import { keepFile } from '../keep.ts'
import { essenceOf, normalType } from '../media-type.ts'
import type { Spooled } from '../spool.ts'
import { insertMedia } from '../store/media.ts'
import { readPreview, savePreview } from '../store/previews.ts'
import { mxc, newMediaId } from '../upload.ts'
import { decodePage } from './charset.ts'
import { baseOf, cardOf, webAddress, withOembed, type Card } from './open-graph.ts'
import { readPage } from './page.ts'

/** Previews of web pages. */
export interface Previews {
  /**
   * What is known of the page at this address, as JSON text.
   * @throws MatrixError M_INVALID_PARAM for what is no web address, M_FORBIDDEN for a site that is not asked, M_NOT_FOUND
   */
  of(address: string): Promise<string>
}

/** The head of a page is at its beginning; the rest need not come. */
const pageBytes = 1024 * 1024
const oembedBytes = 256 * 1024
const imageBytes = 10 * 1024 * 1024
const longestUrl = 2048
/** Clients show a preview for a while after it was fetched anew. */
const graceMs = 7 * 24 * 60 * 60 * 1000
const atOnce = { atOnce: 8, waiting: 100 }

const unreachable = (cause: unknown): MatrixError =>
  new MatrixError('M_NOT_FOUND', 'This page could not be fetched', { cause })

/** Which sites may be asked, by the operator's lists. The same for a page, for what it redirects to, and for what it names. */
function permission({ allow, deny }: MediaContext['config']['url_previews']): (url: URL) => boolean {
  const [allowed, denied] = [allow, deny].map((list) => list.map((pattern) => compileGlob(pattern, { only: '*' })))
  return (url) => {
    const host = url.hostname.replace(/\.+$/, '')
    return (
      (allowed?.length === 0 || allowed?.some((matches) => matches(host)) === true) &&
      !denied?.some((matches) => matches(host))
    )
  }
}

/** A picture that was fetched: where it lies, and what is said of it. */
interface Fetched {
  readonly file: Spooled
  readonly type: string
  readonly width: number
  readonly height: number
}

export function createPreviews(ctx: MediaContext): Previews {
  const { outgoing, spool, database, config } = ctx
  const permits = permission(config.url_previews)
  const gate = createGate(atOnce)
  const underWay = new Map<string, Promise<string>>()

  const get = async (url: URL, request: OutgoingRequest): Promise<OutgoingReply> => {
    const reply = await outgoing(url, { ...request, permits })
    if (reply.status < 200 || reply.status > 299)
      throw new OutgoingError('unreachable', `${url.host} answered ${reply.status}`)
    return reply
  }

  /** What goes wrong with a picture or a description is no reason to show nothing. */
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await work()
    } catch (error) {
      if (error instanceof OutgoingError) return undefined
      throw error
    }
  }

  /** Undefined for what is no image that thumbnails are made of: nothing else is kept, or shown as one. */
  const picture = async (bytes: Buffer): Promise<Fetched | undefined> => {
    const format = await formatOf(bytes.subarray(0, headBytes))
    const type = Object.entries(imageTypes).find(([, name]) => name === format)?.[0]
    if (format === undefined || type === undefined) return undefined
    const file = await spool.write([bytes])
    const image = await readImage(file.path, format)
    if (image && image.width * image.height <= config.max_image_pixels)
      return { file, type, width: image.width, height: image.height }
    await file[Symbol.asyncDispose]()
    return undefined
  }

  const fetchPicture = (url: URL): Promise<Fetched | undefined> =>
    attempt(async () => picture((await get(url, { headers: { accept: 'image/*' }, maxBytes: imageBytes })).body))

  /** The card of a page, or of a picture that stands alone. */
  const cardAt = async (url: URL): Promise<Card> => {
    const reply = await get(url, {
      headers: { accept: 'text/html, application/xhtml+xml, image/*;q=0.8, */*;q=0.5' },
      maxBytes: pageBytes,
      truncate: true,
    })
    const type = normalType(reply.headers['content-type'])
    const end = new URL(reply.url)
    if (type.startsWith('image/')) return { values: {}, image: end }
    if (!['text/html', 'application/xhtml+xml'].includes(essenceOf(type))) return { values: {}, image: undefined }
    const page = readPage(decodePage(reply.body, reply.headers['content-type'] ?? ''))
    const card = cardOf(page, end)
    const oembed = webAddress(page.oembed, baseOf(page, end))
    if (!oembed || (card.values['og:title'] !== undefined && card.values['og:description'] !== undefined && card.image))
      return card
    const described = await attempt(() =>
      get(oembed, { headers: { accept: 'application/json' }, maxBytes: oembedBytes }),
    )
    return described ? withOembed(card, described.body.toString(), oembed) : card
  }

  const make = async (url: URL): Promise<string> => {
    const card = await cardAt(url).catch((error: unknown) => {
      throw error instanceof OutgoingError ? unreachable(error) : error
    })
    const fetched = card.image && (await fetchPicture(card.image))
    const now = ctx.now()
    const row = { url: url.href, expires_ts: now + config.url_previews.keep }
    const { 'og:image:alt': alt, ...values } = card.values
    if (!fetched) {
      const json = JSON.stringify(values)
      await database.write((tx) => savePreview(tx, { ...row, json }))
      return json
    }
    const { type, width, height } = fetched
    await using file = fetched.file
    const mediaId = newMediaId(ctx)
    const json = JSON.stringify({
      ...values,
      'og:image': mxc(ctx, mediaId),
      'og:image:type': type,
      'og:image:width': width,
      'og:image:height': height,
      'matrix:image:size': file.size,
      ...(alt !== undefined && { 'og:image:alt': alt }),
    })
    await keepFile(ctx, file, type, async (tx, nid) => {
      await insertMedia(tx, {
        media_id: mediaId,
        user_nid: null,
        file_nid: nid,
        size: file.size,
        type,
        filename: null,
        created_ts: now,
        expires_ts: row.expires_ts + graceMs,
        accessed_ts: now,
        authenticated: config.authenticated_only ? 1 : 0,
      })
      await savePreview(tx, { ...row, json })
    })
    return json
  }

  return {
    of: async (address) => {
      const url = URL.parse(address)
      if (
        !url ||
        !/^https?:$/.test(url.protocol) ||
        url.username !== '' ||
        url.password !== '' ||
        url.href.length > longestUrl
      ) {
        throw new MatrixError(
          'M_INVALID_PARAM',
          'There are previews of http: and https: addresses only, and of no endless ones',
        )
      }
      url.hash = ''
      if (!permits(url)) throw new MatrixError('M_FORBIDDEN', 'There are no previews of this site here')
      const kept = await readPreview(database.read, url.href, ctx.now())
      if (kept !== undefined) return kept
      const before = underWay.get(url.href)
      if (before) return before
      const made = gate.run(() => make(url)).finally(() => underWay.delete(url.href))
      underWay.set(url.href, made)
      return made
    },
  }
}
