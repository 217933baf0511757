import { enableCompileCache } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A folder of this account alone: what lies there is run. */
function folder(): string {
  const { CACHE_DIRECTORY: ofService, XDG_CACHE_HOME: ofUser } = process.env
  if (import.meta.url.endsWith('.ts'))
    return fileURLToPath(new URL('../../node_modules/.cache/latchkey', import.meta.url))
  return ofService ?? join(ofUser ?? join(homedir(), '.cache'), 'latchkey')
}

/** Keeps what Node compiles for the next start, where a folder can be had for it. */
export const useCompileCache = (): void => void enableCompileCache(folder())
