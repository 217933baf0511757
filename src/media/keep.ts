import type { Tx } from '../storage/index.ts'
import type { MediaContext } from './deps.ts'
import { objectName } from './object-store.ts'
import type { Spooled } from './spool.ts'
import { adoptFile, insertFile, markGarbage, unmarkGarbage } from './store/files.ts'

/** How long a file may take on its way into the store. What is nobody's after that goes. */
const patienceMs = 24 * 60 * 60 * 1000

/**
 * Puts a file into the store, and then has `own` write the row that it belongs to; `own` returns false when the file is not wanted
 * after all. Wherever this fails, nothing is left in the store for good.
 */
export async function putObject(
  ctx: MediaContext,
  name: string,
  file: Spooled,
  type: string,
  own: (tx: Tx) => Promise<boolean>,
): Promise<void> {
  await ctx.database.write((tx) => markGarbage(tx, name, ctx.now() + patienceMs))
  await ctx.store.put(name, file, type)
  await ctx.database.write(async (tx) => {
    if (await own(tx)) await unmarkGarbage(tx, name)
    else await markGarbage(tx, name, ctx.now())
  })
}

/**
 * Keeps a file, once for everybody who has the same. `attach` makes the address that it belongs to, given the file's short id;
 * what it throws undoes everything.
 */
export async function keepFile(
  ctx: MediaContext,
  file: Spooled,
  type: string,
  attach: (tx: Tx, nid: number) => Promise<void>,
): Promise<void> {
  const hash = file.sha256
  const known = await ctx.database.write(async (tx) => {
    const nid = await adoptFile(tx, hash)
    if (nid !== undefined) await attach(tx, nid)
    return nid !== undefined
  })
  if (known) return
  const name = objectName(hash, ctx.randomId())
  await putObject(ctx, name, file, type, async (tx) => {
    const kept = await insertFile(tx, { hash, name, size: file.size })
    await attach(tx, kept.nid)
    return kept.name === name
  })
}
