import type { Reply } from '../http/index.ts'
import type { MediaContext } from './deps.ts'
import { findMedia } from './find.ts'
import { serveFile } from './serve.ts'
import type { ThumbnailRequest } from './thumbnail-size.ts'
import { createThumbnails } from './thumbnail.ts'

/** Our own files, as they are given to other servers. */
export interface MediaForServers {
  /** @throws MatrixError M_NOT_FOUND; M_NOT_YET_UPLOADED */
  download(mediaId: string, patience: number, signal: AbortSignal): Promise<Reply>
  /** @throws MatrixError as `download`, and for what no thumbnail can be made of */
  thumbnail(
    mediaId: string,
    wanted: ThumbnailRequest & { readonly animated: boolean },
    patience: number,
    signal: AbortSignal,
  ): Promise<Reply>
}

/** Never what is somebody else's: that is theirs to give. */
export function mediaForServers(ctx: MediaContext): MediaForServers {
  const thumbnails = createThumbnails(ctx)
  const find = (mediaId: string, patience: number, signal: AbortSignal): ReturnType<typeof findMedia> =>
    findMedia(ctx, { serverName: ctx.serverName, mediaId, patience, signal, signedIn: true })
  const options = { headers: {}, shared: false }
  return {
    download: async (mediaId, patience, signal) => serveFile(ctx, await find(mediaId, patience, signal), options),
    thumbnail: async (mediaId, wanted, patience, signal) =>
      thumbnails.reply(await find(mediaId, patience, signal), wanted, options),
  }
}
