import { Type } from 'typebox'
import { MatrixError } from '../matrix/errors.ts'
import type { Session } from '../http/index.ts'
import type { JsonObject } from '../matrix/json.ts'

/** Text that is kept as it is: 255 characters, and no U+0000, which PostgreSQL cannot keep. */
export const shortText = Type.String({ maxLength: 255, pattern: '^[^\\u0000]*$' })

/** A JSON object of any shape. What the body's parser gives is JSON; hence the type. */
export const anyObject = Type.Unsafe<JsonObject>(Type.Object({}))

/** Throws M_FORBIDDEN unless the path's user is the one who asks. */
export function mustBeSelf(session: Session, userId: string): void {
  if (session.userId !== userId) throw new MatrixError('M_FORBIDDEN', 'This belongs to another user')
}
