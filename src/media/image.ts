import type sharp from 'sharp'
import type { Sharp, SharpOptions } from 'sharp'
import type { ThumbnailSize } from './thumbnail-size.ts'

/** An image as its first bytes and its header tell. */
export interface Image {
  /** One of `imageTypes`. */
  readonly format: string
  /** In pixels, turned upright. */
  readonly width: number
  readonly height: number
  /** 1 where nothing moves, or nobody can tell. */
  readonly frames: number
}

/** A picture that was made here. */
export interface Picture {
  readonly bytes: Buffer
  readonly type: string
}

/** The only formats that are ever decoded, by what their first bytes say; what the uploader says counts for nothing. */
export const imageTypes: Readonly<Record<string, string>> = {
  'image/jpeg': 'jpeg',
  'image/png': 'png',
  'image/apng': 'apng',
  'image/gif': 'gif',
  'image/webp': 'webp',
  'image/avif': 'avif',
}

/** How many bytes from the beginning are enough to know a format. */
export const headBytes = 4100
const seconds = 20

// Both are loaded when the first image comes: a server starts faster and stays smaller without them.
let loaded: Promise<typeof sharp> | undefined

async function load(): Promise<typeof sharp> {
  const { default: sharp } = await import('sharp')
  // One thread for each image, and no images in memory that are done with.
  sharp.concurrency(1)
  sharp.cache(false)
  // Whatever the bytes may look like to the library: no other decoder can be reached.
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif'].map((format) => `VipsForeignLoad${format}File`) })
  return sharp
}

const open = async (path: string, options: SharpOptions): Promise<Sharp> =>
  (await (loaded ??= load()))(path, { failOn: 'error', ...options })

/** The format by the first bytes; undefined for anything that is not to be decoded. */
export async function formatOf(head: Uint8Array): Promise<string | undefined> {
  const { fileTypeFromBuffer } = await import('file-type')
  const type = await fileTypeFromBuffer(head)
  return type && imageTypes[type.mime]
}

/** Reads the header of an image, and nothing behind it. Undefined when it is broken. */
export async function readImage(path: string, format: string): Promise<Image | undefined> {
  try {
    const { width, height, pages = 1, autoOrient } = await (await open(path, { limitInputPixels: false })).metadata()
    return {
      format,
      width: autoOrient.width ?? width,
      height: autoOrient.height ?? height,
      frames: format === 'gif' || format === 'webp' ? pages : 1,
    }
  } catch {
    return undefined
  }
}

/** Makes a thumbnail. Undefined when the image is broken. `pixels` bounds what is decoded. */
export async function makePicture(
  path: string,
  size: ThumbnailSize,
  options: { animated: boolean; pixels: number },
): Promise<Picture | undefined> {
  const { animated, pixels } = options
  try {
    const image = await open(path, { animated, limitInputPixels: pixels })
    const { hasAlpha } = await image.metadata()
    image
      .autoOrient()
      .timeout({ seconds })
      .resize({
        width: size.width,
        height: size.height,
        fit: size.method === 'crop' ? 'cover' : 'inside',
        withoutEnlargement: true,
      })
    if (animated) return { bytes: await image.webp({ quality: 75, effort: 2 }).toBuffer(), type: 'image/webp' }
    if (hasAlpha) return { bytes: await image.png({ compressionLevel: 6 }).toBuffer(), type: 'image/png' }
    return { bytes: await image.jpeg({ quality: 80 }).toBuffer(), type: 'image/jpeg' }
  } catch {
    return undefined
  }
}
