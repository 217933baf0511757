// A backup on the disk: a folder with the database, the keys, the files that people sent, and a list that says what each must be.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, mkdir, readdir, readFile, rename, stat, writeFile, link } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'

const listName = 'backup.json'

/** What a backup is of, and what must be in it. Files that people sent are known by name and size: they never change. */
export interface BackupList {
  readonly format: 1
  readonly server_name: string
  readonly database: 'sqlite' | 'postgres'
  readonly created: string
  readonly files: Readonly<Record<string, { readonly size: number; readonly sha256?: string }>>
}

/** A backup that cannot be made or used. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

/** All files below a folder, by their paths in it. */
async function filesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/** Copies what is not there yet; on one file system as a second name of the same file, which takes no room. */
async function bring(from: string, to: string): Promise<void> {
  const [source, there] = await Promise.all([stat(from), stat(to).catch(() => undefined)])
  if (there?.size === source.size) return
  await mkdir(dirname(to), { recursive: true, mode: 0o700 })
  await link(from, to).catch(() => copyFile(from, to))
}

/** Brings every file of a folder into another one. Returns their paths. What goes away meanwhile is left out. */
export async function bringAll(from: string, to: string): Promise<string[]> {
  const brought: string[] = []
  for (const path of await filesBelow(from)) {
    try {
      await bring(join(from, path), join(to, path))
      brought.push(path)
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }
  return brought
}

/** Writes the list, last of all: a backup without it is none. */
export async function writeList(
  folder: string,
  about: Pick<BackupList, 'server_name' | 'database' | 'created'>,
  hashed: readonly string[],
  sized: readonly string[],
): Promise<BackupList> {
  const files: Record<string, { size: number; sha256?: string }> = {}
  for (const name of hashed)
    files[name] = { size: (await stat(join(folder, name))).size, sha256: await hashOf(join(folder, name)) }
  for (const name of sized) files[name] = { size: (await stat(join(folder, name))).size }
  const list: BackupList = { format: 1, ...about, files }
  await writeFile(join(folder, `${listName}.new`), `${JSON.stringify(list, null, 1)}\n`, { mode: 0o600 })
  await rename(join(folder, `${listName}.new`), join(folder, listName))
  return list
}

/**
 * Reads the list, and looks whether all is there and as it was.
 * @throws {BackupError}
 */
export async function verified(folder: string): Promise<BackupList> {
  const text = await readFile(join(folder, listName), 'utf8').catch((error: unknown) => {
    throw new BackupError(`${folder} has no ${listName}: it is no backup, or one that was not finished.`, {
      cause: error,
    })
  })
  const list = JSON.parse(text) as BackupList
  if (list.format !== 1) throw new BackupError(`${folder} was made by a newer Latchkey.`)
  for (const [name, { size, sha256 }] of Object.entries(list.files)) {
    const found = await stat(join(folder, name)).catch(() => undefined)
    if (found?.size !== size || (sha256 !== undefined && (await hashOf(join(folder, name))) !== sha256))
      throw new BackupError(`${join(folder, name)} is not what it was when the backup was made.`)
  }
  return list
}
