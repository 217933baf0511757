import { Type } from 'typebox'

const noNul = '^[^\\u0000]*$'

/** A file's name as people write it; it is never a path here. */
export const FileName = Type.String({ maxLength: 1024, pattern: noNul })

/**
 * The two parts of an `mxc://` address; nothing else gets past here.
 * @see https://spec.matrix.org/v1.19/client-server-api/#content-repo-security-considerations
 */
export const Address = Type.Object({
  serverName: Type.String({ maxLength: 255, pattern: '^[0-9A-Za-z.:[\\]-]+$' }),
  mediaId: Type.String({ pattern: '^[0-9A-Za-z_-]{1,255}$' }),
})
