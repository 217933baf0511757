/** A thumbnail as it is asked for, in pixels. */
export interface ThumbnailRequest {
  readonly width: number
  readonly height: number
  readonly method: 'crop' | 'scale'
  readonly animated: boolean
}

/** A thumbnail as it is made. */
export interface ThumbnailSize {
  readonly method: 'crop' | 'scale'
  /** For `crop` the size itself, for `scale` the box that the image is to fit in. */
  readonly width: number
  readonly height: number
}

/** Few sizes, so that few thumbnails are made: the specification's, and larger ones for screens with many dots. */
const boxes: readonly (readonly [number, number])[] = [
  [32, 32],
  [96, 96],
  [320, 240],
  [640, 480],
  [800, 600],
  [1600, 1200],
]
const sides = [32, 96, 240, 320, 480, 640, 800, 1200, 1600]

/** No thumbnail has a longer side. */
const longestSide = 4096

/**
 * The size that is made for a request: the next larger one, since a thumbnail is never smaller than it was asked for.
 * @see https://spec.matrix.org/v1.19/client-server-api/#thumbnails
 */
export function thumbnailSize({ width, height, method }: ThumbnailRequest): ThumbnailSize {
  if (method === 'scale') {
    const [boxWidth, boxHeight] = boxes.find((box) => box[0] >= width && box[1] >= height) ?? [longestSide, longestSide]
    return { method, width: boxWidth, height: boxHeight }
  }
  const long = sides.find((side) => side >= Math.max(width, height)) ?? longestSide
  const short = Math.max(1, Math.ceil((long * Math.min(width, height)) / Math.max(width, height)))
  return width >= height ? { method, width: long, height: short } : { method, width: short, height: long }
}

/** Whether the image is no larger than the thumbnail would be, and so better sent as it is. */
export const fits = (image: { width: number; height: number }, size: ThumbnailSize): boolean =>
  image.width <= size.width && image.height <= size.height
