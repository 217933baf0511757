import { MatrixError } from '../matrix/errors.ts'

/** A form with a file in it, as a browser sends it. */
export interface FileForm {
  readonly fields: URLSearchParams
  /** Undefined where none was chosen. */
  readonly file: Uint8Array | undefined
}

/**
 * Reads a form with one file. Whoever calls it has bounded the body. @throws MatrixError M_INVALID_PARAM
 * @param name of the file's field; a file of another name is not looked at
 */
export const readFileForm = async (
  body: AsyncIterable<Uint8Array>,
  contentType: string | undefined,
  name: string,
): Promise<FileForm> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  const headers = { 'content-type': contentType ?? '' }
  const form = await new Response(Buffer.concat(chunks), { headers }).formData().catch(() => {
    throw new MatrixError('M_INVALID_PARAM', 'This is not a form')
  })
  const fields = new URLSearchParams()
  let file: Uint8Array | undefined
  for (const [key, value] of form) {
    if (typeof value === 'string') fields.append(key, value)
    else if (key === name && value.size > 0) file = await value.bytes()
  }
  return { fields, file }
}
