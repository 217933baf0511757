import type { SessionParts } from './deps.ts'
import { expireTokens } from './store/access.ts'
import { deleteLoginTokensFrom } from './store/login-tokens.ts'
import { type Ended, readDevicesFrom } from './store/origins.ts'

/**
 * Ends the sessions that came of what a provider has ended, and says how many. Softly, devices and their keys stay, and their clients
 * are asked to sign in again; hard, the devices go.
 * @param people the id of the provider that links are kept under
 */
export const endFrom = async (
  { log, devices, cache, endings, now }: Pick<SessionParts, 'log' | 'devices' | 'cache' | 'endings' | 'now'>,
  people: string,
  ended: Ended,
  how: 'soft' | 'hard',
): Promise<number> => {
  const found = await log.write(async (tx) => {
    await deleteLoginTokensFrom(tx.sql, people, ended)
    const gone = await readDevicesFrom(tx.sql, people, ended)
    if (how === 'soft')
      await expireTokens(
        tx.sql,
        gone.map(({ device }) => device),
        now(),
      )
    else for (const { user, deviceId } of gone) await devices.delete(tx, user, [deviceId])
    return gone
  })
  endings.endFrom(people, ended)
  cache.revokeDevices(found.map(({ device }) => device))
  return found.length
}

/** The same for what is opened in browsers, or on its way to a client: the sessions of clients are somebody else's affair. */
export const endTicketsFrom = async (
  { database, endings }: Pick<SessionParts, 'database' | 'endings'>,
  people: string,
  ended: Ended,
): Promise<void> => {
  await database.write((tx) => deleteLoginTokensFrom(tx, people, ended))
  endings.endFrom(people, ended)
}
