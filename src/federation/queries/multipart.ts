import type { Readable } from 'node:stream'

/** A part of a multipart body: its headers, by names in lower case, and what is in it. */
export interface Part {
  readonly headers: ReadonlyMap<string, string>
  readonly body: AsyncIterable<Buffer>
}

/** Headers of a part have this many bytes at most. */
const mostHead = 16 * 1024

const malformed = (): Error => new Error('This is no multipart body')

/** The boundary that a Content-Type names; undefined when it is none of a multipart body. */
export function boundaryOf(contentType: string | undefined): string | undefined {
  const [essence = '', ...parameters] = (contentType ?? '').split(';')
  if (!/^multipart\//i.test(essence.trim())) return undefined
  for (const parameter of parameters) {
    const [, quoted, plain] = /^\s*boundary\s*=\s*(?:"([^"]*)"|([^\s";]+))\s*$/i.exec(parameter) ?? []
    const boundary = quoted ?? plain
    if (boundary !== undefined && boundary.length >= 1 && boundary.length <= 200) return boundary
  }
  return undefined
}

/**
 * Reads a multipart body part by part, as it comes; no more of it is held than a chunk and a boundary. Each part is read to its end before
 * the next one begins.
 */
export async function* readMultipart(body: Readable, boundary: string): AsyncGenerator<Part> {
  const mark = Buffer.from(`\r\n--${boundary}`)
  const source = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  // As if a line had ended before, so that the first boundary is like the others.
  let held: Buffer = Buffer.from('\r\n')
  let isOver = false
  const more = async (): Promise<boolean> => {
    const { value, done } = await source.next()
    if (done) return false
    held = Buffer.concat([held, value])
    return true
  }
  /** What comes before the next boundary, which is left out. */
  const untilMark = async function* (): AsyncGenerator<Buffer> {
    for (;;) {
      const at = held.indexOf(mark)
      if (at >= 0) {
        if (at > 0) yield held.subarray(0, at)
        held = held.subarray(at + mark.length)
        return
      }
      const safe = held.length - mark.length
      if (safe > 0) {
        yield held.subarray(0, safe)
        held = held.subarray(safe)
      }
      if (!(await more())) throw malformed()
    }
  }
  const until = async (text: string, most: number): Promise<string> => {
    for (;;) {
      const at = held.indexOf(text)
      if (at >= 0) {
        const found = held.subarray(0, at).toString('latin1')
        held = held.subarray(at + text.length)
        return found
      }
      if (held.length > most || !(await more())) throw malformed()
    }
  }
  let preamble = 0
  for await (const chunk of untilMark()) if ((preamble += chunk.length) > mostHead) throw malformed()
  while (!isOver) {
    const rest = await until('\r\n', mostHead)
    if (rest.startsWith('--')) return
    const lines: string[] = []
    for (let line = await until('\r\n', mostHead); line !== ''; line = await until('\r\n', mostHead)) {
      lines.push(line)
      if (lines.length > 50) throw malformed()
    }
    const headers = new Map(
      lines.map((line): [string, string] => {
        const colon = line.indexOf(':')
        return [line.slice(0, Math.max(colon, 0)).trim().toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    const content = untilMark()
    yield { headers, body: content }
    for await (const _ of content);
    // The end of the last part may come without a line break behind it.
    while (held.length < 2 && (await more()));
    isOver = held.subarray(0, 2).toString('latin1') === '--'
  }
}
