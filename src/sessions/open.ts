import type { LogTx } from '../streams/index.ts'
import { type Account, gate } from '../users/index.ts'
import type { SessionParts } from './deps.ts'
import { mint, type MintDeps } from './mint.ts'
import { type Opened, sessionOf, type WantedSession } from './session.ts'
import { deleteDeviceTokens } from './store/access.ts'
import { noteProviderSession } from './store/origins.ts'

/** What opening a session takes. */
export type OpenDeps = MintDeps & Pick<SessionParts, 'log' | 'devices' | 'cache' | 'reopened'>

/**
 * Opens a session on a new device, or on the device of that id, whose tokens then end. The account passes the gate; `settle`, if
 * given, makes or links it in the same write.
 */
export const openSession = async (
  deps: OpenDeps,
  known: Account | undefined,
  settle: ((tx: LogTx) => Promise<Account>) | undefined,
  wanted: WantedSession,
): Promise<Opened> => {
  if (known) gate(known, 'login')
  const { cache } = deps
  const before = cache.revocations
  const opened = await deps.log.write(async (tx) => {
    const account = settle ? await settle(tx) : known
    if (!account) throw new Error('There is neither an account nor a way to make one')
    const device = await deps.devices.ensure(tx, { user: account.nid, ...wanted })
    if (!device.created) {
      await deleteDeviceTokens(tx.sql, [device.nid])
      for (const forget of deps.reopened) await forget(tx.sql, device.nid)
    }
    if (wanted.from || !device.created) await noteProviderSession(tx.sql, device.nid, wanted.from)
    await wanted.within?.(tx.sql, { device: device.nid })
    return {
      account,
      device,
      minted: await mint(deps, tx, account, device.nid, {
        refresh: wanted.refresh,
        supersedes: null,
        until: wanted.until,
        form: wanted.form,
      }),
    }
  })
  const { account, device, minted } = opened
  const session = sessionOf(account, minted.id, device.nid, device.deviceId)
  // Its first request is then answered from memory, too; unless something was revoked meanwhile, which might be this.
  if (cache.revocations === before) cache.put(minted.hash, session, minted.expires)
  if (!device.created) cache.revoke(account.nid, (other) => other.device === device.nid && other.tokenId !== minted.id)
  return { userId: account.userId, deviceId: device.deviceId, ...minted.tokens }
}
