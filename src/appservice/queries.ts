import { OutgoingError } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import { isLocalUser, localpartOf, parseRoomAlias } from '../matrix/ids.ts'
import type { Users } from '../users/index.ts'
import type { Appservices } from './appservices.ts'
import { fitsAny, isReachable, type Service } from './services.ts'

export interface QueriesDeps {
  readonly appservices: Pick<Appservices, 'all' | 'ask'>
  readonly users: Pick<Users, 'findByLocalpart'>
  readonly serverName: string
  readonly logger: { warn(details: object, message: string): void }
}

/** Users and rooms that come into being when somebody asks for them. */
export interface Queries {
  /** Has a service make the user, where there is none of that name and a service answers for it. */
  user(userId: string): Promise<void>
  /** Has a service make a room of this alias, where one answers for it. True when it says that it did. @throws MatrixError 408 without an answer */
  alias(alias: string): Promise<boolean>
}

const tries = 3
const timeoutMs = 10_000
const pauseMs = 300

/** @see https://spec.matrix.org/v1.19/application-service-api/#querying */
export function openQueries({ appservices, users, serverName, logger }: QueriesDeps): Queries {
  const underWay = new Map<string, Promise<boolean | undefined>>()

  /** Whether the service has it; undefined when it does not say. */
  const ask = async (service: Service & { readonly url: string }, path: string): Promise<boolean | undefined> => {
    for (let attempt = 1; ; attempt++) {
      try {
        const { status } = await appservices.ask(service, { method: 'GET', path, legacyPath: path, timeoutMs })
        if (status < 500) return status === 200
      } catch (error) {
        if (!(error instanceof OutgoingError)) throw error
      }
      if (attempt === tries) break
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
    logger.warn({ appservice: service.id }, 'an application service does not answer whether it has a user or room')
    return undefined
  }

  /** Asks one service after the other, and nobody twice at once. */
  const askAll = (services: readonly Service[], path: string): Promise<boolean | undefined> => {
    const run = async (): Promise<boolean | undefined> => {
      let silent = false
      for (const service of services.filter(isReachable)) {
        const has = await ask(service, path)
        if (has) return true
        silent ||= has === undefined
      }
      return silent ? undefined : false
    }
    const running = underWay.get(path) ?? run().finally(() => underWay.delete(path))
    underWay.set(path, running)
    return running
  }

  return {
    user: async (userId) => {
      if (!isLocalUser(userId, serverName)) return
      const services = appservices.all.filter((service) => userId !== service.senderId && service.covers(userId))
      if (services.length === 0 || (await users.findByLocalpart(localpartOf(userId)))) return
      await askAll(services, `/users/${encodeURIComponent(userId)}`)
    },
    alias: async (alias) => {
      if (parseRoomAlias(alias)?.serverName !== serverName) return false
      const services = appservices.all.filter((service) => fitsAny(service.aliases, alias))
      const made = services.length > 0 && (await askAll(services, `/rooms/${encodeURIComponent(alias)}`))
      if (made === undefined)
        throw new MatrixError('M_UNKNOWN', `The bridge that answers for ${alias} does not answer; try again later`, {
          status: 408,
        })
      return made
    },
  }
}
