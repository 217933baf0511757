// First storey: what everything stands on. The clock and randomness are read here and nowhere above.
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Logger } from 'pino'
import { loadRegistrations } from '../appservice/index.ts'
import { createLogger } from '../config/logger.ts'
import { parseListen, type Config } from '../config/index.ts'
import { believeAuthorities, createOutgoing, type Doors } from '../http/index.ts'
import { openJobs } from '../jobs/index.ts'
import { openMetrics } from '../metrics/index.ts'
import { openDatabase } from '../storage/index.ts'
import { openLog } from '../streams/index.ts'
import { randomIds } from './random-ids.ts'
import { memoryBudget, outgoingProxy } from './settings.ts'
import { loadSigningKey } from './signing-key.ts'

export interface FoundationsOptions {
  /** Default: as `config.log` says. */
  readonly logger?: Logger
  /** Milliseconds since 1970. For tests of what takes long. */
  readonly now?: () => number
  /** Whether a key for events is made although there are events that were signed with another one, which is lost. */
  readonly newSigningKey?: boolean
  /** Servers that stay open when this homeserver closes, for the next one. */
  readonly doors?: Doors
}

export type Foundations = Awaited<ReturnType<typeof openFoundations>>

/** Opens the database, the log, the queue of jobs, the way out and the numbers. */
export async function openFoundations(stack: AsyncDisposableStack, config: Config, options: FoundationsOptions) {
  // First of all, as a wrong file should leave nothing behind.
  const registrations = loadRegistrations(config)
  const logger = options.logger ?? createLogger(config.log)
  const now = options.now ?? (() => Date.now())
  const onError = (error: unknown): void => logger.error({ err: error }, 'something failed that nobody waits for')
  const serverName = config.server_name

  if (config.database.startsWith('sqlite:') && config.database !== 'sqlite::memory:')
    mkdirSync(dirname(config.database.slice('sqlite:'.length)), { recursive: true, mode: 0o700 })
  const metricsAt = config.metrics.listen === 'off' ? undefined : parseListen(config.metrics.listen)
  const metrics = metricsAt && stack.use(await openMetrics(metricsAt))
  const database = stack.use(
    await openDatabase({
      url: config.database,
      serverName,
      memory: memoryBudget(config),
      onError,
      onCommit: metrics?.onCommit,
    }),
  )
  const anyEvent = await database.read.selectFrom('events').select('nid').limit(1).executeTakeFirst()
  const signingKey = loadSigningKey(config, anyEvent !== undefined, options.newSigningKey ?? false)
  const log = await openLog(database, onError)
  metrics?.follow({ log, database })
  stack.defer(() => log.close())
  const random = { randomId: randomIds(), randomBytes: (count: number): Uint8Array => randomBytes(count) }
  if (config.ca_file !== undefined) believeAuthorities(config.ca_file)
  const proxy = outgoingProxy(config)
  const outgoing = stack.use(createOutgoing({ proxy }))
  const jobs = stack.use(await openJobs({ database, now, onError, randomBytes: random.randomBytes }))
  return {
    config,
    registrations,
    serverName,
    signingKey,
    logger,
    now,
    onError,
    ...random,
    metrics,
    database,
    log,
    outgoing,
    proxy,
    jobs,
    doors: options.doors,
  }
}
