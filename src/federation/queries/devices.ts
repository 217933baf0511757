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
      deviceKeys: onlyOf(own(answer, 'device_keys'), wanted),
      masterKeys: onlyOf(own(answer, 'master_keys'), wanted),
      selfSigningKeys: onlyOf(own(answer, 'self_signing_keys'), wanted),
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
    return onlyOf(own(answer, 'one_time_keys'), wanted)
  },
})
