// Fifth storey: telling people what happened. Push, and both kinds of sync.
import {
  copyRoomRules,
  createCounts,
  notificationsRoutes,
  openPush,
  openPushRules,
  pushersRoutes,
  pushRulesRoutes,
  unsubscribeRoutes,
} from '../push/index.ts'
import { keyChanges, oldSyncRoutes, openSlidingSync, syncRoutes } from '../sync/index.ts'
import type { Foundations } from './foundations.ts'
import type { People, PeoplePorts } from './people.ts'
import type { RoomPorts, RoomStorey } from './rooms.ts'
import { syncDepsOf } from './sync-deps.ts'

export type Delivery = Awaited<ReturnType<typeof openDelivery>>

/** Opens push and sync. */
export async function openDelivery(
  stack: AsyncDisposableStack,
  ground: Foundations,
  people: People,
  roomStorey: RoomStorey,
) {
  const { config, database, log, now } = ground
  const { users, devices, mail, ownsAddress } = people
  const { rooms, history, ephemeral } = roomStorey
  const { receipts } = ephemeral
  const ignored = (user: number): ReturnType<typeof users.accountData.ignored> => users.accountData.ignored(user)

  const rules = openPushRules({ database, log, users })
  const counts = createCounts({ database, log, rooms, users, rules, receipts, ignored })
  const syncDeps = syncDepsOf(ground, people, roomStorey, { rules, counts })
  const { gateways } = config.push
  const push = stack.use(
    await openPush({
      ...ground,
      rooms,
      users,
      rules,
      counts,
      receipts,
      ignored,
      mail,
      ownsAddress,
      gateways,
      baseUrl: config.public_base_url,
    }),
  )
  devices.onDelete(push.pushers.onDeviceDelete)
  const sliding = stack.use(
    openSlidingSync({ ...ground, ...syncDeps, stayOf: (who, room) => history.sight.stayOf(who, room) }),
  )
  devices.onDelete({ within: (tx, gone) => sliding.deleteOf(tx, gone) })

  /** Fills the port of devices/. */
  const changesOfKeys: PeoplePorts['keyChanges'] = (session, from, to) => keyChanges(syncDeps, session, from, to)
  /** Fills the port of rooms/. */
  const copyPushRules: RoomPorts['copyPushRules'] = (user, from, to) => copyRoomRules(rules, user, from, to)
  return {
    keyChanges: changesOfKeys,
    copyPushRules,
    routes: [
      ...pushRulesRoutes({ rules }),
      ...pushersRoutes({ pushers: push.pushers, gateways, ownsAddress: mail && ownsAddress }),
      ...unsubscribeRoutes({ database, pushers: push.pushers }),
      ...notificationsRoutes({
        rooms,
        rules,
        receipts,
        ignored,
        serialise: (session, events) =>
          history.serialise(events, { session, device: session.device, now: now(), withRoomId: false }),
      }),
      ...syncRoutes(syncDeps),
      ...oldSyncRoutes({ ...syncDeps, history, database }),
      ...sliding.routes,
    ],
  }
}
