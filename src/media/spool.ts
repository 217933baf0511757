import { createHash } from 'node:crypto'
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** A file that has not found its place yet: disposing of it deletes it, where it has not been moved away. */
export interface Spooled extends AsyncDisposable {
  readonly path: string
  readonly size: number
  /** SHA-256 of the content, hex. */
  readonly sha256: string
}

/** Where files lie while they arrive. */
export interface Spool {
  /** Writes what comes down to the disk, chunk by chunk. What came before a failure is deleted. */
  write(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Spooled>
}

const leftBehindMs = 24 * 60 * 60 * 1000

/** What uploads left behind when their process ended in the middle. */
async function clear(directory: string, now: number): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const path = join(directory, name)
    const found = await stat(path).catch(() => undefined)
    if (found?.isFile() && found.mtimeMs < now - leftBehindMs) await rm(path, { force: true })
  }
}

/** Opens a folder as a spool; it is made when it is first needed. */
export async function openSpool(
  directory: string,
  deps: { now: () => number; randomId: () => string },
): Promise<Spool> {
  await clear(directory, deps.now())
  return {
    write: async (body) => {
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const path = join(directory, deps.randomId())
      const hash = createHash('sha256')
      let size = 0
      const discard = (): Promise<void> => rm(path, { force: true })
      try {
        await using file = await open(path, 'wx', 0o600)
        for await (const chunk of body) {
          hash.update(chunk)
          size += chunk.byteLength
          for (let written = 0; written < chunk.byteLength;) written += (await file.write(chunk, written)).bytesWritten
        }
        await file.datasync()
      } catch (error) {
        await discard()
        throw error
      }
      return { path, size, sha256: hash.digest('hex'), [Symbol.asyncDispose]: discard }
    },
  }
}
