import type { DeletionHook } from '../devices/index.ts'
import type { Session } from '../http/index.ts'
import type { Jobs } from '../jobs/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { JsonObject } from '../matrix/json.ts'
import type { Database, Tx } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import {
  deletePusher,
  putPusher,
  readAllPushers,
  readPusher,
  readPushersOf,
  readPushersOfDevices,
  readPushersWith,
  type PusherRow,
} from './store/pushers.ts'

/** The queue of what is to be sent to push gateways; its keys are short ids of pushers. */
export const pushQueue = 'push'

/** The queue of mail that is to be written about what nobody reads; its keys are short ids of pushers. */
export const mailQueue = 'push-mail'

/** A pusher as its client describes it. */
export interface WantedPusher {
  readonly kind: 'http' | 'email'
  readonly appId: string
  readonly pushkey: string
  readonly appName: string
  readonly deviceName: string
  readonly profileTag: string | undefined
  readonly lang: string
  readonly data: JsonObject
}

/** Where people want to be told of what happens while no app of theirs is open. */
export interface Pushers {
  /** Users who have pushers. */
  readonly users: ReadonlySet<number>
  /** Short ids of a user's pushers. */
  of(user: number): Iterable<number>
  /** Whether a pusher is one that writes mail. */
  isMail(nid: number): boolean
  get(nid: number): Promise<PusherRow | undefined>
  list(user: number): Promise<PusherRow[]>
  /**
   * Makes a pusher, or replaces the user's own of that app and key. Unless `append`, other people's with the same app and key go:
   * the phone changed hands. @throws MatrixError M_RESOURCE_LIMIT_EXCEEDED
   */
  set(session: Session, wanted: WantedPusher, append: boolean): Promise<void>
  /** Deletes the user's pusher of that app and key, if there is one. */
  delete(user: number, appId: string, pushkey: string): Promise<void>
  /** Deletes what the gateway does not want to hear of any more. */
  reject(pusher: PusherRow): Promise<void>
  /** For devices/: pushers go with their device. */
  readonly onDeviceDelete: DeletionHook
}

const mostPushers = 100

type Named = Pick<PusherRow, 'nid' | 'user_nid'>

export interface PushersDeps {
  readonly database: Database
  readonly jobs: Jobs
  readonly log: Pick<Log, 'now'>
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly randomId: () => string
}

export async function openPushers({ database, jobs, log, now, randomId }: PushersDeps): Promise<Pushers> {
  /** The device of each pusher, by user and short id. */
  const byUser = new Map<number, Map<number, number | null>>()
  const users = new Set<number>()
  const mail = new Set<number>()
  const remember = (user: number, nid: number, device: number | null, kind: string): void => {
    if (kind === 'email') mail.add(nid)
    else mail.delete(nid)
    byUser.set(user, (byUser.get(user) ?? new Map<number, number | null>()).set(nid, device))
    users.add(user)
  }
  const forget = (user: number, nid: number): void => {
    const left = byUser.get(user)
    left?.delete(nid)
    mail.delete(nid)
    if (left?.size !== 0) return
    byUser.delete(user)
    users.delete(user)
  }
  for (const { nid, user_nid, device_nid, kind } of await readAllPushers(database.read))
    remember(user_nid, nid, device_nid, kind)

  const remove = async (tx: Tx, gone: readonly Named[]): Promise<void> => {
    for (const { nid } of gone) {
      await deletePusher(tx, nid)
      await jobs.drop(tx, pushQueue, String(nid))
      await jobs.drop(tx, mailQueue, String(nid))
    }
  }
  const removeNow = async (which: (tx: Tx) => Promise<readonly Named[]>): Promise<void> => {
    const gone = await database.write(async (tx) => {
      const found = await which(tx)
      await remove(tx, found)
      return found
    })
    for (const { user_nid, nid } of gone) forget(user_nid, nid)
  }

  return {
    users,
    of: (user) => byUser.get(user)?.keys() ?? [],
    isMail: (nid) => mail.has(nid),
    get: (nid) => readPusher(database.read, nid),
    list: (user) => readPushersOf(database.read, user),
    set: async (session, wanted, append) => {
      const { nid, gone } = await database.write(async (tx) => {
        const others = await readPushersWith(tx, wanted.appId, wanted.pushkey)
        const isNew = !others.some(({ user_nid }) => user_nid === session.user)
        if (isNew && (await readPushersOf(tx, session.user)).length >= mostPushers) {
          throw new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', `A user can have ${mostPushers} pushers`)
        }
        const gone = append ? [] : others.filter(({ user_nid }) => user_nid !== session.user)
        await remove(tx, gone)
        return {
          gone,
          nid: await putPusher(tx, {
            user_nid: session.user,
            device_nid: session.device,
            app_id: wanted.appId,
            kind: wanted.kind,
            pushkey: wanted.pushkey,
            app_name: wanted.appName,
            device_name: wanted.deviceName,
            profile_tag: wanted.profileTag ?? null,
            lang: wanted.lang,
            data: JSON.stringify(wanted.data),
            set_ts: now(),
            secret: wanted.kind === 'email' ? randomId() : null,
            since_position: log.now,
          }),
        }
      })
      for (const other of gone) forget(other.user_nid, other.nid)
      remember(session.user, nid, session.device, wanted.kind)
    },
    delete: (user, appId, pushkey) =>
      removeNow(async (tx) => (await readPushersWith(tx, appId, pushkey)).filter(({ user_nid }) => user_nid === user)),
    reject: (pusher) => removeNow(async () => [pusher]),
    onDeviceDelete: {
      within: async (tx, devices) => remove(tx, await readPushersOfDevices(tx, devices)),
      after: (devices) => {
        const gone = new Set<number | null>(devices)
        for (const [user, pushers] of byUser)
          for (const [nid, device] of pushers) if (gone.has(device)) forget(user, nid)
      },
    },
  }
}
