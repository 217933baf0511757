import type { Tx } from '../../storage/index.ts'

/** Deletes the devices that are still marked: the old server has them no more. */
export async function deleteGoneDevices(tx: Tx): Promise<void> {
  await tx.deleteFrom('devices').where('cut_token', '=', -1).execute()
}
