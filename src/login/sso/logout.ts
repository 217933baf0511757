import { policyFor } from '../engine/index.ts'
import { deleteLoginTokensFrom, type Ended, expireTokens, readDevicesFrom } from '../../sessions/store/access.ts'
import type { SsoProvider } from './provider.ts'
import type { Web } from './web.ts'

/**
 * Ends the sessions that came of what a provider has ended, and says how many. Softly, devices and their keys stay, and their clients
 * are asked to sign in again; hard, the devices go.
 */
export const endSessionsFrom = async (
  { context, visits }: Pick<Web, 'context' | 'visits'>,
  provider: SsoProvider,
  ended: Ended,
): Promise<number> => {
  visits.endFrom(provider.id, ended)
  const { people } = policyFor(context, provider.id)
  const found = await context.log.write(async (tx) => {
    await deleteLoginTokensFrom(tx.sql, people, ended)
    const devices = await readDevicesFrom(tx.sql, people, ended)
    if (provider.backchannelLogout === 'soft')
      await expireTokens(
        tx.sql,
        devices.map(({ device }) => device),
        context.now(),
      )
    else for (const { user, deviceId } of devices) await context.devices.delete(tx, user, [deviceId])
    return devices
  })
  context.cache.revokeDevices(found.map(({ device }) => device))
  // Its tokens may be access tokens by themselves. A session that is named with its user is ended alone.
  await context.bearer.revoke(provider.id, ended.sid === undefined ? { subject: ended.subject } : { sid: ended.sid })
  return found.length
}
