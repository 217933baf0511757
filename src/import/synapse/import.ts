import { openStateKeys, openStateSets, stateSecret } from '../../events/index.ts'
import { DatabaseRefused, openSequence, type Database, type Foreign } from '../../storage/index.ts'
import { isUsed, readLastToken, readMark, readReserved, reserve, saveMark } from '../store/mark.ts'
import { readLastMessage } from '../store/backups.ts'
import { openReport, type Report } from '../report.ts'
import { openNames, type ImportContext, type Progress } from '../target.ts'
import { importDevices, importTokens } from './devices.ts'
import { importDirectory } from './directory.ts'
import { importEncryption } from './encryption.ts'
import { importMedia, type MediaPlaces } from './media.ts'
import { importOutside } from './outside.ts'
import { importPeople } from './people.ts'
import { importPush } from './push.ts'
import { importReceipts } from './receipts.ts'
import { importAccountData } from './account-data.ts'
import { checkRooms } from './check.ts'
import { importRooms } from './rooms.ts'
import { checkSchema } from './schema.ts'
import type { SynapseConfig } from './settings.ts'

export interface ImportOptions {
  readonly source: Foreign
  /** A database that nobody has worked with, or one that an import has begun with. */
  readonly database: Database
  readonly serverName: string
  readonly synapse: SynapseConfig
  readonly media: MediaPlaces
  /** Ids of the bridges that are registered. */
  readonly bridges: readonly string[]
  /** Rooms that are compared in the end. */
  readonly checkRooms: number
  readonly tell: (progress: Progress) => void
  readonly now: () => number
  readonly randomId: () => string
}

export interface ImportResult {
  readonly report: Report
}

/** @throws {DatabaseRefused} where a server has been at work since: what happened there would be lost */
async function begin({ database, serverName }: ImportOptions): Promise<void> {
  const mark = await readMark(database.read)
  if (!mark && (await isUsed(database.read)))
    throw new DatabaseRefused('The new database has accounts or rooms already: give an empty one.')
  if (mark?.state === 'done' && (await readReserved(database.read, 'positions')) !== mark.position)
    throw new DatabaseRefused(
      'The server has been started with the new database since the last import, which would undo what happened there. To begin anew, give an empty database.',
    )
  await database.write((tx) => saveMark(tx, { state: 'running', from: serverName, position: mark?.position ?? 0 }))
}

const countOf = async (source: Foreign, table: string): Promise<number> =>
  Number((await source.rows<{ count: number }>(`select count(*) as count from ${table}`))[0]?.count)

/** The last place that Synapse has given to an event. */
const lastPlace = async (source: Foreign): Promise<number> => {
  const [row] = await source.rows<{ last: number | null }>('select max(stream_ordering) as last from events')
  return row?.last ?? 0
}

/**
 * Takes over everything that a Synapse has in its database. Synapse may run meanwhile, and this may be done again, which takes over what
 * has come since, or after it has been ended half-way, from where it was.
 * @throws {DatabaseRefused}
 */
export async function importSynapse(options: ImportOptions): Promise<ImportResult> {
  const { source, database, randomId } = options
  await checkSchema(source)
  await begin(options)
  const report = openReport()
  const secret = await stateSecret(database, randomId())
  const ctx: ImportContext = {
    ...options,
    report,
    names: openNames(database),
    ids: {
      events: await openSequence(database, 'events'),
      rooms: await openSequence(database, 'rooms'),
      devices: await openSequence(database, 'devices'),
    },
    stateKeys: openStateKeys(database, await openSequence(database, 'state_keys')),
    stateSets: openStateSets(database, await openSequence(database, 'state_sets'), secret),
  }
  await importPeople(ctx, await countOf(source, 'users'))
  await importDevices(ctx, await countOf(source, 'devices'))
  await importTokens(ctx, await countOf(source, 'access_tokens'))
  await importRooms(ctx, await countOf(source, 'events'))
  // All that is no event comes after every event: whoever comes with a token of Synapse is told of it once more.
  const position = (await lastPlace(source)) + 1
  await importEncryption(ctx, position)
  await importAccountData(ctx, position)
  await importPush(ctx, position)
  await importReceipts(ctx, position, await countOf(source, 'receipts_linearized'))
  await importDirectory(ctx)
  await importOutside(ctx, position)
  const files = (await countOf(source, 'local_media_repository')) + (await countOf(source, 'remote_media_cache'))
  await importMedia(ctx, options.media, files)
  await end(options, position)
  await checkRooms(ctx, options.checkRooms)
  return { report }
}

async function end({ database, serverName }: ImportOptions, afterEvents: number): Promise<void> {
  await database.write(async (tx) => {
    const position = Math.max(afterEvents, await readLastMessage(tx))
    await reserve(tx, 'positions', position)
    await reserve(tx, 'tokens', await readLastToken(tx))
    await saveMark(tx, { state: 'done', from: serverName, position })
  })
}
