/** What every reader of a quoted string understands alike: no quotes, no escapes, nothing that looks like an encoding. */
const plain = /^[ !#$&-[\]-~]+$/

const encoded = (name: string): string =>
  encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )

/**
 * A Content-Disposition header. Whatever the file is called, the header holds nothing but printable ASCII.
 * @see https://www.rfc-editor.org/rfc/rfc6266
 */
export function contentDisposition(kind: 'inline' | 'attachment', filename: string | null): string {
  if (filename === null || filename === '') return kind
  return plain.test(filename) ? `${kind}; filename="${filename}"` : `${kind}; filename*=UTF-8''${encoded(filename)}`
}
