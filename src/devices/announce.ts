import type { LogTx } from '../streams/index.ts'
import type { DeviceListNews } from './list-changes.ts'
import { saveListChange } from './store/devices.ts'

/** Tells everyone who shares a room with the user that the user's devices or keys are not what they were. */
export async function announceChange(tx: LogTx, user: number, deleted: readonly number[] = []): Promise<void> {
  const data: DeviceListNews = { deleted }
  const position = tx.append({ kind: 'device_list', user, wake: [user], data })
  await saveListChange(tx.sql, user, position)
}
