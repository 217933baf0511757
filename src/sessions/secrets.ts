import { hash, timingSafeEqual } from 'node:crypto'

/** Whether two secrets are the same, in a time that says nothing of where they differ or how long they are. */
export const isSameSecret = (a: string, b: string): boolean =>
  timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer'))
