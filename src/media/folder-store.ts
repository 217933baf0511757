import { mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { FileHandle } from 'node:fs/promises'
import { checkName, type ObjectStore } from './object-store.ts'

const chunkBytes = 256 * 1024

const isMissing = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

async function openFile(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Makes the entries of a folder durable, as syncing a file does not. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path)
  await folder.sync()
}

/** Where a folder keeps a file. */
export const pathIn = (root: string, name: string): string => join(root, checkName(name).slice(0, 2), name)

/** Keeps files in a folder, spread over 256 folders inside. Spooled files must lie on the same file system. */
export function folderStore(root: string): ObjectStore {
  const folderOf = (name: string): string => join(root, checkName(name).slice(0, 2))
  const pathOf = (name: string): string => pathIn(root, name)
  return {
    put: async (name, file) => {
      const folder = folderOf(name)
      const made = await mkdir(folder, { recursive: true, mode: 0o700 })
      await rename(file.path, pathOf(name))
      await syncFolder(folder)
      if (made !== undefined) await syncFolder(root)
    },
    open: async (name, range) => {
      const file = await openFile(pathOf(name))
      return file?.createReadStream({ highWaterMark: chunkBytes, ...range })
    },
    withPath: async (name, use) => {
      const file = await openFile(pathOf(name))
      if (!file) return undefined
      await file.close()
      return use(pathOf(name))
    },
    delete: (name) => rm(pathOf(name), { force: true }),
  }
}
