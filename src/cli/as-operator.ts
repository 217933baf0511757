import { existsSync } from 'node:fs'
import type { Config } from '../config/index.ts'
import { DatabaseRefused } from '../storage/index.ts'
import { askControl } from './control.ts'
import { operatorOf, type Operator } from './operator.ts'

/** Nothing was ever kept under this configuration. */
export class NoDatabase extends DatabaseRefused {}

/** Nothing is made by looking at it, or by a command that was given in the wrong folder. */
function mustBeThere({ database }: Config): void {
  const file =
    database.startsWith('sqlite:') && database !== 'sqlite::memory:' ? database.slice('sqlite:'.length) : undefined
  if (file !== undefined && !existsSync(file))
    throw new NoDatabase(
      `There is no database at ${file}. Is this the right folder? Name the configuration with --config, or start the server first.`,
    )
}

/**
 * Does something as the operator: by the server that runs with this configuration, so that it takes effect at once, or else, when
 * none runs, by one that is started for just this.
 * @param isFirst it may be the first thing that is ever done, and make the database
 * @throws {DatabaseRefused} when there is none
 */
export const asOperator = async <T>(
  config: Config,
  work: (operator: Operator) => Promise<T>,
  isFirst = false,
): Promise<T> => {
  const running = await askControl(config)
  if (running) return work(running)
  if (!isFirst) mustBeThere(config)
  const { createHomeserver } = await import('../server/index.ts')
  await using homeserver = await createHomeserver({
    ...config,
    listen: ['127.0.0.1:0'],
    log: { ...config.log, level: 'error' },
  })
  return await work(operatorOf(homeserver))
}
