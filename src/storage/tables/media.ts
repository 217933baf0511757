import type { Generated } from 'kysely'

/** What an mxc address of this server stands for. */
export interface MediaTable {
  media_id: string
  /** Who uploaded it; null for what the server fetched for a preview. */
  user_nid: number | null
  /** Null while the upload has not come yet. */
  file_nid: number | null
  /** Bytes of the file. */
  size: number
  /** As the uploader called it: a media type in lower case, with parameters. */
  type: string
  filename: string | null
  created_ts: number
  /** Until when an upload is waited for that has not come yet, or a picture of a preview is kept; null for an upload that is there. */
  expires_ts: number | null
  /** When it was last fetched, to a day. */
  accessed_ts: number
  /** 1: only for those who are signed in. */
  authenticated: number
  /** User id of the administrator who keeps everybody from it; null: nobody does. */
  quarantined_by: Generated<string | null>
  /** 1: no quarantine of a user's or a room's files takes it in. */
  safe: Generated<number>
}

/** A file that is kept, once for all addresses with the same content. */
export interface MediaFilesTable {
  nid: Generated<number>
  /** SHA-256, hex. */
  hash: string
  /** What the store calls it; never given to another file. */
  name: string
  size: number
  /** How many rows of `media` have it. */
  refs: number
  /** What image it is; empty for what no thumbnails are made of; null while nobody has looked. */
  format: string | null
  /** As the image is seen, turned upright. */
  width: number | null
  height: number | null
  frames: number | null
  /** User id of the administrator who keeps everybody from this content, under whatever address; null: nobody does. */
  quarantined_by: Generated<string | null>
}

export interface MediaThumbnailsTable {
  file_nid: number
  /** Size and method, such as `320x240-scale`. */
  variant: string
  name: string
  type: string
  size: number
}

/** What may be in the store without belonging to any file, and when it is to go. */
export interface MediaGarbageTable {
  name: string
  due_ts: number
}

export interface UrlPreviewsTable {
  url: string
  json: string
  expires_ts: number
}

/** When addresses came into quarantine and out of it, in this order. */
export interface QuarantineChangesTable {
  nid: Generated<number>
  media_id: string
  quarantined: number
}
