import type { Readable } from 'node:stream'
import type { ByteRange } from './byte-range.ts'
import type { Spooled } from './spool.ts'

/**
 * Where files are kept: a folder, or an S3 store. Every name is given to one file only, and only once: what is in the store
 * never changes, it comes and goes.
 */
export interface ObjectStore {
  /** Resolves once the file is kept for good. What is left of the spooled one is its owner's to dispose of. */
  put(name: string, file: Spooled, type: string): Promise<void>
  /** Undefined when there is no such file. */
  open(name: string, range?: ByteRange): Promise<Readable | undefined>
  /** Hands the file over as one on this machine, to be read while `use` runs. Undefined when there is no such file. */
  withPath<T>(name: string, use: (path: string) => Promise<T>): Promise<T | undefined>
  /** It is no fault when there is no such file. */
  delete(name: string): Promise<void>
}

/** Names are made here (`objectName`), and yet none that could lead elsewhere reaches a file system or a URL. */
export function checkName(name: string): string {
  if (!/^[0-9a-f]{64}-[0-9a-z]{16}$/.test(name)) throw new Error(`"${name}" is no name of a file in the store`)
  return name
}

/** A name that was never given before. `unique` is random text. */
export const objectName = (sha256: string, unique: string): string =>
  checkName(`${sha256}-${Buffer.from(unique, 'base64url').toString('hex').slice(0, 16)}`)
