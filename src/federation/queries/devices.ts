import type { RemoteDevices, RemoteKeys } from '../../devices/index.ts'
import { serverOf } from '../../matrix/ids.ts'
import { isObject, own, type Json, type JsonObject } from '../../matrix/json.ts'
import type { Outbound } from '../outbound/index.ts'
import type { Wires } from '../wires.ts'

/** Keys of 10,000 users, and then some. */
const largest = 16 * 1024 * 1024

const asObject = (value: Json | undefined): JsonObject => (isObject(value) ? value : {})

/** Of what a server says only what is of its own users, and was asked for. */
const onlyOf = (answer: Json | undefined, wanted: object): JsonObject =>
  Object.fromEntries(Object.entries(asObject(answer)).filter(([userId]) => Object.hasOwn(wanted, userId)))

const isFilled = (value: Json | undefined): boolean => isObject(value) && Object.keys(value).length > 0

/** Of device keys by user those that are what they say: clients trust the ids in them. */
const sane = (byUser: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(byUser).map(([userId, devices]) => [
      userId,
      Object.fromEntries(
        Object.entries(asObject(devices)).filter(
          ([deviceId, keys]) =>
            own(keys, 'user_id') === userId &&
            own(keys, 'device_id') === deviceId &&
            Array.isArray(own(keys, 'algorithms')) &&
            isObject(own(keys, 'keys')) &&
            isObject(own(keys, 'signatures')),
        ),
      ),
    ]),
  )

/** The same of cross-signing keys. */
const saneKeys = (byUser: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(byUser).filter(
      ([userId, key]) =>
        own(key, 'user_id') === userId && Array.isArray(own(key, 'usage')) && isFilled(own(key, 'keys')),
    ),
  )

/** Of keys that were given out those that are keys. */
const saneClaims = (byUser: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(byUser).map(([userId, devices]) => [
      userId,
      Object.fromEntries(
        Object.entries(asObject(devices)).map(([deviceId, keys]) => [
          deviceId,
          Object.fromEntries(
            Object.entries(asObject(keys)).filter(
              ([, key]) =>
                typeof key === 'string' || (typeof own(key, 'key') === 'string' && isObject(own(key, 'signatures'))),
            ),
          ),
        ]),
      ),
    ]),
  )

/**
 * Devices of users of other servers.
 * @param post what leaves messages; asked for when it is needed, since it is opened later
 * @see https://spec.matrix.org/v1.19/server-server-api/#end-to-end-encryption
 */
export const remoteDevices = (
  { client }: Pick<Wires, 'client'>,
  post: () => Pick<Outbound, 'leave' | 'sent'>,
  randomId: () => string,
): RemoteDevices => ({
  leave: async (tx, sender, type, messages) => {
    const servers = Map.groupBy(Object.keys(messages), serverOf)
    for (const [server, userIds] of servers)
      await post().leave(tx, server, {
        sender,
        type,
        message_id: randomId().slice(0, 24),
        messages: Object.fromEntries(userIds.map((userId) => [userId, { ...messages[userId] }])),
      })
    return [...servers.keys()]
  },
  sent: (servers) => post().sent(servers),
  query: async (server, wanted, timeoutMs): Promise<RemoteKeys> => {
    const answer = await client.ask(server, {
      method: 'POST',
      path: '/_matrix/federation/v1/user/keys/query',
      content: { device_keys: Object.fromEntries(Object.entries(wanted).map(([user, ids]) => [user, [...ids]])) },
      maxBytes: largest,
      timeoutMs,
    })
    return {
      deviceKeys: sane(onlyOf(own(answer, 'device_keys'), wanted)),
      masterKeys: saneKeys(onlyOf(own(answer, 'master_keys'), wanted)),
      selfSigningKeys: saneKeys(onlyOf(own(answer, 'self_signing_keys'), wanted)),
    }
  },
  claim: async (server, wanted, timeoutMs) => {
    const answer = await client.ask(server, {
      method: 'POST',
      path: '/_matrix/federation/v1/user/keys/claim',
      content: {
        one_time_keys: Object.fromEntries(Object.entries(wanted).map(([user, devices]) => [user, { ...devices }])),
      },
      maxBytes: largest,
      timeoutMs,
    })
    return saneClaims(onlyOf(own(answer, 'one_time_keys'), wanted))
  },
})
