import type { Reader } from '../../storage/index.ts'

/** The device that only receives keys for a client that comes later, if the user has one. */
export const readDehydratedDevice = async (db: Reader, user: number): Promise<number | undefined> =>
  (await db.selectFrom('dehydrated_devices').where('user_nid', '=', user).select('device_nid').executeTakeFirst())
    ?.device_nid
