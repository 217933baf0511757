import { MatrixError } from '../matrix/errors.ts'
import { type JsonObject, own } from '../matrix/json.ts'

/** A string of the body that has to be there. */
export const requiredText = (body: JsonObject, key: string): string => {
  const value = own(body, key)
  if (value === undefined) throw new MatrixError('M_MISSING_PARAM', `"${key}" is missing`)
  if (typeof value !== 'string') throw new MatrixError('M_BAD_JSON', `"${key}" must be a string`)
  return value
}
