import { DatabaseRefused, type Foreign } from '../../storage/index.ts'

/** The schemas of Synapse that are known here: what is read of them is the same in all of them. */
const known = { from: 92, to: 94 }

/** Work in the background that fills columns which are read here; the rest is about indexes and lists. */
const needed = ['events_populate_state_key_rejections']

/**
 * Looks whether this is a database of a Synapse whose schema is known.
 * @returns the version of its schema
 * @throws {DatabaseRefused} with a sentence that says what to do
 */
export async function checkSchema(source: Foreign): Promise<number> {
  const [row] = await source.rows<{ version: number }>('select version from schema_version').catch((cause: unknown) => {
    throw new DatabaseRefused(
      `The database that "database" names is not one of Synapse: it has no schema_version (${(cause as Error).message}).`,
      { cause },
    )
  })
  const version = Number(row?.version)
  if (version < known.from)
    throw new DatabaseRefused(
      `Synapse's database has schema ${version}, and this Latchkey reads ${known.from} to ${known.to}. ` +
        'Bring Synapse up to date and start it once, then import.',
    )
  if (version > known.to)
    throw new DatabaseRefused(
      `Synapse's database has schema ${version}, which is newer than this Latchkey knows (${known.from} to ${known.to}). ` +
        'Take a newer Latchkey.',
    )
  const [update] = await source.rows<{ name: string }>(
    `select update_name as name from background_updates where update_name in (${needed.map(() => '?').join(', ')})`,
    needed,
  )
  if (update)
    throw new DatabaseRefused(
      `Synapse has not finished bringing its database up to date ("${update.name}" is under way). ` +
        'Let it run until background_updates is empty, then import.',
    )
  return version
}
