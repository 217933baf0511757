import type { Devices } from '../devices/index.ts'
import type { Caller, Session } from '../http/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import type { Log } from '../streams/index.ts'
import { gate, type Account, type Users } from '../users/index.ts'
import type { Service } from './services.ts'

export interface AccessDeps {
  readonly log: Log
  readonly users: Pick<Users, 'find' | 'account' | 'create' | 'findByLocalpart'>
  readonly devices: Pick<Devices, 'get' | 'seen'>
}

/** Session ids of application services, one for each user that they ask as: beyond all that are given out to people. */
const firstTokenId = 2 ** 40

const oneText = (query: Caller['query'], ...names: readonly string[]): string | undefined => {
  for (const name of names) {
    const value = query[name]
    if (value === undefined || value === '') continue
    if (typeof value !== 'string') throw new MatrixError('M_INVALID_PARAM', `"${name}" stands in the query twice`)
    return value
  }
  return undefined
}

/**
 * Who asks when an application service does: its own sender, or the user of its namespace that the query names, on the device that it names.
 * Throws 403 M_FORBIDDEN for a user it may not ask as, 400 M_UNKNOWN_DEVICE, and what the account gate throws.
 * @see https://spec.matrix.org/v1.19/application-service-api/#identity-assertion
 */
export function openAccess({
  log,
  users,
  devices,
}: AccessDeps): (service: Service, caller: Caller) => Promise<Session> {
  const making = new Map<string, Promise<Account>>()

  /** The sender need not be registered before it is used. */
  const makeSender = async ({ senderLocalpart }: Service): Promise<Account> => {
    try {
      return await log.write((tx) => users.create(tx.sql, { localpart: senderLocalpart, createdBy: 'appservice' }))
    } catch (error) {
      const account = await users.findByLocalpart(senderLocalpart)
      if (account?.localpart === senderLocalpart) return account
      throw error
    }
  }
  const senderOf = (service: Service): Promise<Account> => {
    const promise = making.get(service.id) ?? makeSender(service).finally(() => making.delete(service.id))
    making.set(service.id, promise)
    return promise
  }

  const accountOf = async (service: Service, userId: string): Promise<Account> => {
    if (!service.covers(userId))
      throw new MatrixError(
        'M_FORBIDDEN',
        `The application service "${service.id}" may not ask as ${userId}, which is not in its namespace`,
      )
    const nid = await users.find(userId)
    const account = nid === undefined ? undefined : await users.account(nid)
    if (account) return account
    if (userId === service.senderId) return senderOf(service)
    throw new MatrixError('M_FORBIDDEN', `The application service "${service.id}" has not registered ${userId}`)
  }

  return async (service, caller) => {
    const account = await accountOf(service, oneText(caller.query, 'user_id') ?? service.senderId)
    gate(account, 'login')
    const deviceId = oneText(caller.query, 'device_id', 'org.matrix.msc3202.device_id')
    const device = deviceId === undefined ? undefined : await devices.get(account.nid, deviceId)
    if (deviceId !== undefined && !device)
      throw new MatrixError('M_UNKNOWN_DEVICE', `${account.userId} has no device of this id`)
    if (device) devices.seen(device.nid, caller.ip, caller.userAgent)
    return {
      user: account.nid,
      userId: account.userId,
      device: device?.nid ?? null,
      deviceId: device?.deviceId ?? null,
      tokenId: firstTokenId + account.nid,
      admin: account.admin,
      guest: account.guest,
      locked: account.locked,
      suspended: account.suspended,
      appservice: service.id,
      unlimited: !service.rateLimited || account.userId === service.senderId,
    }
  }
}
