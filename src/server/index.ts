// The only file that knows every folder: builds them in order, fills their ports, mounts their routes, and disposes of them.
import { randomBytes, randomFillSync } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import type { Logger } from 'pino'
import { adminRoutes, openNotices, type Notices } from '../admin/index.ts'
import {
  appserviceRoutes,
  followLog,
  loadRegistrations,
  openAppservices,
  openQueries,
  openThirdParties,
} from '../appservice/index.ts'
import { createLogger } from '../config/logger.ts'
import { defaultConfig, parseListen, type Config, type ConfigInput } from '../config/index.ts'
import { devicesRoutes, openDevices } from '../devices/index.ts'
import { directoryRoutes, openAliases } from '../directory/index.ts'
import {
  capabilitiesRoute,
  createHttp,
  createOutgoing,
  versionsRoute,
  wellKnownRoutes,
  type HttpServer,
  type Route,
} from '../http/index.ts'
import { callRoutes, ephemeralRoutes, openEphemeral } from '../ephemeral/index.ts'
import { openIdRoutes, openLogin, openMail, readEmails, type Login } from '../login/index.ts'
import { openMetrics } from '../metrics/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import { readSigningKey, signingKey, writeSigningKey, type SigningKey } from '../matrix/signing.ts'
import {
  createProfiles,
  createRoutes,
  delayedRoutes,
  departFromAll,
  historyRoutes,
  membershipRoutes,
  openDelayed,
  openHistory,
  openPlacements,
  openRooms,
  openSender,
  searchRoutes,
  sendRoutes,
  spreadProfile,
  startIndexer,
  upgradeRoutes,
  openSuccessions,
  type Rooms,
  type RoomsRouteDeps,
} from '../rooms/index.ts'
import { mediaRoutes, openMedia, upload } from '../media/index.ts'
import { openJobs } from '../jobs/index.ts'
import {
  copyRoomRules,
  createCounts,
  notificationsRoutes,
  openPush,
  openPushRules,
  pushersRoutes,
  pushRulesRoutes,
  unsubscribeRoutes,
  withPushRules,
} from '../push/index.ts'
import { capabilities, httpRates, wellKnownExtra } from './settings.ts'
import { openDatabase } from '../storage/index.ts'
import { openLog } from '../streams/index.ts'
import {
  keyChanges,
  oldSyncRoutes,
  openSlidingSync,
  syncRoutes,
  type PlainEvent,
  type SyncDeps,
} from '../sync/index.ts'
import { createUsers, usersRoutes, type AccountDataItem, type Users } from '../users/index.ts'

export { DatabaseRefused } from '../storage/index.ts'

/** A homeserver that is running. Dispose of it with `await using`, or `close()`. */
export interface Homeserver extends AsyncDisposable {
  /** Where the metrics are read; undefined where they are off. */
  readonly metricsUrl: string | undefined
  /** Where it listens, in the order of `listen`. */
  readonly urls: readonly string[]
  /** The first of these. */
  readonly url: string
  readonly config: Config
  /** Answers a request without a socket. */
  readonly inject: HttpServer['inject']
  /** Every endpoint that is mounted. */
  readonly routes: readonly Route[]
  readonly users: Users
  readonly login: Login
  readonly rooms: Rooms
  readonly notices: Notices
  close(): Promise<void>
}

export interface HomeserverOptions {
  /** Default: as `config.log` says. */
  readonly logger?: Logger
  /** Milliseconds since 1970. For tests of what takes long. */
  readonly now?: () => number
}

/**
 * Starts a whole homeserver in this process.
 * @param input settings by the names of the configuration file; those that are left out have their defaults
 * @throws {ConfigError} for settings that are wrong; {DatabaseRefused} for a database that is not ours
 */
export async function createHomeserver(
  input: ConfigInput | Config = {},
  options: HomeserverOptions = {},
): Promise<Homeserver> {
  const config = defaultConfig(input)
  const registrations = loadRegistrations(config)
  const logger = options.logger ?? createLogger(config.log)
  const now = options.now ?? (() => Date.now())
  const randomId = randomIds()
  const onError = (error: unknown): void => logger.error({ err: error }, 'something failed that nobody waits for')
  const serverName = config.server_name
  await using stack = new AsyncDisposableStack()

  if (config.database.startsWith('sqlite:') && config.database !== 'sqlite::memory:')
    mkdirSync(dirname(config.database.slice('sqlite:'.length)), { recursive: true })
  const key = loadSigningKey(config)
  const metricsAt = config.metrics.listen === 'off' ? undefined : parseListen(config.metrics.listen)
  const metrics = metricsAt === undefined ? undefined : stack.use(await openMetrics(metricsAt))
  const database = stack.use(
    await openDatabase({ url: config.database, serverName, onError, onCommit: metrics?.onCommit }),
  )
  const log = await openLog(database, onError)
  metrics?.follow(log)
  stack.defer(() => log.close())
  const users = createUsers({ database, log, serverName, now, summon: (userId) => queries.user(userId) })
  const rooms = await openRooms({ database, log, users, serverName, signingKey: key, now, randomId })
  const history = openHistory({ database, log, users, rooms, serverName })
  const indexer = stack.use(await startIndexer({ rooms, database, log, onError }))
  const devices = stack.use(
    await openDevices({
      database,
      log,
      users,
      serverName,
      now,
      randomId,
      onError,
      sharers: (user) => rooms.sharers(user),
    }),
  )
  const outgoing = stack.use(createOutgoing())
  const jobs = stack.use(await openJobs({ database, now, randomBytes: (count) => randomBytes(count), onError }))
  const appservices = openAppservices({ registrations, serverName, log, users, devices, outgoing, now })
  const queries = openQueries({ appservices, users, serverName, logger })
  const mail = openMail({ config, jobs, logger })
  const login = await openLogin({
    mail,
    jobs,
    database,
    log,
    users,
    devices,
    config,
    now,
    randomId,
    logger,
    outgoing,
    randomBytes: (count) => randomBytes(count),
    isExclusive: (userId) => appservices.keepsUser(userId),
    appservices: registrations.length > 0 ? appservices : undefined,
    count: metrics?.signIn,
    people: {
      savePicture: ({ nid }, { bytes, type }) =>
        upload(
          media.context,
          { user: nid, suspended: false },
          { body: Readable.from([bytes]), type, filename: undefined, length: bytes.length },
        ),
      enterRoom: (user, room, power) => placements.enter(user, room, power),
      leaveRoom: (user, roomId, change) => placements.leave(user, roomId, change),
    },
  })
  users.onChange((account) => {
    if (account.deactivated) void departFromAll(roomDeps, account, onError)
  })
  users.profiles.onChange((change) => spreadProfile(rooms, change, onError))
  const ephemeral = stack.use(openEphemeral({ database, log, users, rooms, now, onError, presence: config.presence }))
  const media = stack.use(
    await openMedia({
      database,
      serverName,
      config: config.media,
      directory: config.database === 'sqlite::memory:' ? undefined : join(config.data_dir, 'media'),
      outgoing,
      now,
      randomId,
      onError,
    }),
  )
  const rules = openPushRules({ database, log, users })
  const aliases = openAliases({
    database,
    rooms,
    users,
    serverName,
    services: { keeps: appservices.keepsAlias, owns: appservices.ownsAlias, summon: (alias) => queries.alias(alias) },
  })
  const roomDeps: RoomsRouteDeps = {
    rooms,
    users,
    profiles: createProfiles(users),
    aliases,
    database,
    log,
    serverName,
    signingKey: key,
    now,
    randomId,
    defaultRoomVersion: config.default_room_version,
  }

  const placements = openPlacements(roomDeps)
  const notices = openNotices(roomDeps)
  const delayed = openDelayed({ database, jobs, rooms, users, sender: openSender(roomDeps), now, randomId })
  const successions = stack.use(
    openSuccessions({
      rooms,
      users,
      log,
      onError,
      copyPushRules: (user, from, to) => copyRoomRules(rules, user, from, to),
    }),
  )

  const counts = createCounts({
    database,
    log,
    rooms,
    users,
    rules,
    receipts: ephemeral.receipts,
    ignored: (user) => users.accountData.ignored(user),
  })
  const syncDeps: SyncDeps = {
    rooms,
    users,
    log,
    now,
    onRoomError: (error, where) =>
      logger.error({ err: error, ...where }, 'a room was left out of the answer to a sync'),
    visible: (session, _room, events) => history.visible(session, events),
    related: (filter, events) => history.related(filter, events),
    serialise: (events, reader) => history.serialise(events, reader),
    filter: async (user, id) => {
      const stored = await users.filters.get(user, id)
      if (!stored) throw new MatrixError('M_INVALID_PARAM', `There is no filter ${id}: make it anew`)
      return stored.filter
    },
    accountData: {
      since: async (user, since, until) =>
        byRoom(await withPushRules(rules, await users.accountData.since(user, since, until), user, since, until)),
      ignored: async (user) => users.accountData.ignored(user),
    },
    receipts: ephemeral.receipts,
    typing: (room) => ephemeral.typing.in(room),
    presence: ephemeral.presence,
    toDevice: devices.toDevice,
    deviceLists: {
      changed: (since, until, viewer) => devices.listChanges(since, until, viewer),
      keys: (device) => devices.keys.of(device),
    },
    unread: counts,
  }

  const ownsAddress = async (user: number, address: string): Promise<boolean> =>
    (await readEmails(database.read, user)).some((email) => email.address === address)
  const push = stack.use(
    await openPush({
      database,
      log,
      jobs,
      rooms,
      users,
      rules,
      counts,
      receipts: ephemeral.receipts,
      outgoing,
      gateways: config.push.gateways,
      now,
      logger,
      onError,
      ignored: (user) => users.accountData.ignored(user),
      mail,
      ownsAddress,
      baseUrl: config.public_base_url,
      serverName,
      randomId,
    }),
  )
  devices.onDelete(push.pushers.onDeviceDelete)

  const sliding = stack.use(
    openSlidingSync({
      ...syncDeps,
      database,
      randomId,
      onError,
      stayOf: (who, room) => history.sight.stayOf(who, room),
    }),
  )
  devices.onDelete({ within: (tx, gone) => sliding.deleteOf(tx, gone) })

  const followings = stack.use(
    await followLog(appservices, {
      database,
      log,
      rooms,
      users,
      devices,
      aliases,
      typing: ephemeral.typing,
      presence: ephemeral.presence,
      ask: appservices.ask,
      now,
      randomId,
      chance: () => (randomBytes(1)[0] ?? 0) / 255,
      logger,
      onError,
    }),
  )

  const routes: Route[] = [
    versionsRoute({
      'org.matrix.msc4140': true,
      'uk.half-shot.msc2666.query_mutual_rooms': true,
      'org.matrix.msc3814': true,
      'org.matrix.simplified_msc3575': true,
      'fi.mau.msc2659.stable': true,
    }),
    capabilitiesRoute((session) => capabilities(config, session)),
    ...wellKnownRoutes({
      baseUrl: config.public_base_url,
      federation: config.well_known.server,
      extra: wellKnownExtra(config),
      contact: config.admin_contact,
    }),
    ...login.routes,
    ...usersRoutes({
      users,
      lockedBy: login.lockedBy,
      roomOf: async (roomId, user) =>
        await rooms.find(roomId).then((room) => (room?.members.has(user) ? room.nid : undefined)),
    }),
    ...devicesRoutes({
      devices,
      log,
      confirm: login.confirm,
      keyChanges: (session, from, to) => keyChanges(syncDeps, session, from, to),
    }),
    ...createRoutes(roomDeps),
    ...membershipRoutes(roomDeps),
    ...sendRoutes({ ...roomDeps, delayed }),
    ...delayedRoutes(delayed),
    ...upgradeRoutes({ ...roomDeps, successions }),
    ...historyRoutes({ ...roomDeps, history }),
    ...searchRoutes({ ...roomDeps, history, indexer }),
    ...directoryRoutes({ database, rooms, users, aliases, serverName }),
    ...ephemeralRoutes({ ephemeral, rooms, users, log }),
    ...mediaRoutes(media),
    ...pushRulesRoutes({ rules }),
    ...pushersRoutes({ pushers: push.pushers, gateways: config.push.gateways, ownsAddress: mail && ownsAddress }),
    ...unsubscribeRoutes({ database, pushers: push.pushers }),
    ...notificationsRoutes({
      rooms,
      rules,
      receipts: ephemeral.receipts,
      ignored: (user) => users.accountData.ignored(user),
      serialise: (session, events) =>
        history.serialise(events, { session, device: session.device, now: now(), withRoomId: false }),
    }),
    ...syncRoutes(syncDeps),
    ...oldSyncRoutes({ ...syncDeps, history, database }),
    ...sliding.routes,
    ...callRoutes({ turn: config.turn, rtcTransports: config.rtc_transports, now }),
    ...openIdRoutes({ database, users, now, randomId, serverName }),
    ...appserviceRoutes({ appservices, followings, thirdParties: openThirdParties(appservices, now), now }),
    ...adminRoutes({
      database,
      users,
      devices,
      rooms,
      history,
      logger,
      serverName,
      now,
      takeLock: (user) => login.takeLock(user),
    }),
  ]
  const http = createHttp({
    routes,
    authenticate: login.authenticate,
    isUnlimited: registrations.length > 0 ? appservices.isUnlimited : undefined,
    log: logger,
    tally: metrics?.tally,
    now,
    randomId,
    trustedProxies: config.trusted_proxies,
    queryAccessToken: config.query_access_token,
    maxRequestSize: config.max_request_size,
    tls: { certificateFile: config.tls.certificate_file, keyFile: config.tls.key_file },
    rateLimits: config.rate_limits === 'off' ? 'off' : httpRates(config.rate_limits),
  })
  login.onEnded((ended) => http.recheck(ended))
  stack.defer(() => login[Symbol.asyncDispose]())
  // First of all to go: nothing new comes in while the rest ends.
  stack.defer(() => http.close())
  stack.defer(() => log.close())
  const urls = await http.listen(config.listen)
  const running = stack.move()
  const close = (): Promise<void> => running.disposeAsync()
  return {
    urls,
    url: urls[0] ?? '',
    metricsUrl: metrics?.url,
    config,
    inject: http.inject,
    routes,
    users,
    login,
    rooms,
    notices,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Makes URL-safe ids of 256 random bits. These are taken in blocks: a call for each costs more than all the rest. */
function randomIds(): () => string {
  const [block, size] = [Buffer.alloc(4096), 32]
  let next = block.length
  return () => {
    if (next === block.length) randomFillSync(block, (next = 0))
    const id = block.toString('base64url', next, next + size)
    block.fill(0, next, (next += size))
    return id
  }
}

/** Reads the key that events are signed with, or makes it. A server in memory keeps it there. */
function loadSigningKey(config: Config): SigningKey {
  const file = config.signing_key_file
  try {
    return readSigningKey(readFileSync(file, 'utf8').trim())
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  const key = signingKey(randomBytes(4).toString('hex'), randomBytes(32))
  if (config.database !== 'sqlite::memory:') {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, `${writeSigningKey(key)}\n`, { mode: 0o600, flag: 'wx' })
  }
  return key
}

function byRoom(items: readonly AccountDataItem[]): { global: PlainEvent[]; rooms: Map<number, PlainEvent[]> } {
  const global: PlainEvent[] = []
  const rooms = new Map<number, PlainEvent[]>()
  for (const { room, type, content } of items) {
    if (room === undefined) global.push({ type, content })
    else rooms.set(room, [...(rooms.get(room) ?? []), { type, content }])
  }
  return { global, rooms }
}
