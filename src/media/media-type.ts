/**
 * What a browser may show instead of saving. Nothing of it can run scripts.
 * @see https://spec.matrix.org/v1.19/client-server-api/#serving-inline-content
 */
const inlineTypes = new Set([
  'text/css',
  'text/plain',
  'text/csv',
  'application/json',
  'application/ld+json',
  'image/jpeg',
  'image/gif',
  'image/png',
  'image/apng',
  'image/webp',
  'image/avif',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/quicktime',
  'audio/mp4',
  'audio/webm',
  'audio/aac',
  'audio/mpeg',
  'audio/ogg',
  'audio/wave',
  'audio/wav',
  'audio/x-wav',
  'audio/x-pn-wav',
  'audio/flac',
  'audio/x-flac',
])

const longest = 255
const essence = /^[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*/
const parameter = /;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([!#$%&'*+.^_`|~0-9A-Za-z-]+|"(?:[ !#-[\]-~]|\\[ -~])*")[ \t]*/y

/** What a file is when nobody says, or nobody can have meant what was said. */
const unknownType = 'application/octet-stream'

/**
 * A Content-Type in its normal form: type and parameter names in lower case, nothing that does not belong there. Fit for a
 * header, whatever the text was; `application/octet-stream` for what names no type.
 */
export function normalType(text: string | undefined): string {
  const [start, named] = essence.exec(text?.slice(0, 1024) ?? '') ?? []
  if (start === undefined || named === undefined || named.length > longest) return unknownType
  let type = named.toLowerCase()
  parameter.lastIndex = start.length
  for (let match = parameter.exec(text ?? ''); match; match = parameter.exec(text ?? '')) {
    const longer = `${type}; ${match[1]?.toLowerCase()}=${match[2]}`
    if (longer.length > longest) break
    type = longer
  }
  return type
}

/** A type in its normal form, without parameters. */
export const essenceOf = (type: string): string => type.split(';', 1)[0] ?? type

/** Whether a browser may show a file of this type (in its normal form) instead of saving it. */
export const isInline = (type: string): boolean => inlineTypes.has(essenceOf(type))
