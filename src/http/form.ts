import { MatrixError } from '../matrix/errors.ts'

/** The largest form that is read, in bytes. A SAML response fits. */
export const formLimit = 256 * 1024

/** The fields of a form that a browser sent. @throws MatrixError M_TOO_LARGE, M_INVALID_PARAM */
export const readForm = async (body: AsyncIterable<Uint8Array>): Promise<URLSearchParams> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  if (text.includes('\0')) throw new MatrixError('M_INVALID_PARAM', 'This is not a form')
  return new URLSearchParams(text)
}

/** A field that is there once; undefined otherwise. */
export const field = (form: URLSearchParams, name: string): string | undefined => {
  const [value, ...more] = form.getAll(name)
  return more.length === 0 ? value : undefined
}
