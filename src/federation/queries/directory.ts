import type { PublicRooms, RemoteDirectory } from '../../directory/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isRoomAlias, isRoomId, isServerName, parseMxc, parseRoomAlias } from '../../matrix/ids.ts'
import { isObject, own, type Json, type JsonObject } from '../../matrix/json.ts'
import { asClientError } from '../remote-error.ts'
import type { Wires } from '../wires.ts'

type Entry = PublicRooms['chunk'][number]

const largest = 4 * 1024 * 1024
const [mostServers, mostRooms, longestText] = [100, 500, 1000]

const text = (value: Json | undefined): string | undefined =>
  typeof value === 'string' && value.length <= longestText ? value : undefined

/** A room as another server's list shows it: what is not of its form is left out. */
function entryFrom(json: Json): Entry | undefined {
  const [roomId, members] = [own(json, 'room_id'), own(json, 'num_joined_members')]
  if (!isRoomId(roomId)) return undefined
  const alias = own(json, 'canonical_alias')
  const avatar = own(json, 'avatar_url')
  const [name, topic, type] = [text(own(json, 'name')), text(own(json, 'topic')), text(own(json, 'room_type'))]
  return {
    room_id: roomId,
    num_joined_members: Number.isSafeInteger(members) ? (members as number) : 0,
    world_readable: own(json, 'world_readable') === true,
    guest_can_join: own(json, 'guest_can_join') === true,
    join_rule: text(own(json, 'join_rule')) ?? 'public',
    ...(name !== undefined && { name }),
    ...(topic !== undefined && { topic }),
    ...(type !== undefined && { room_type: type }),
    ...(isRoomAlias(alias) && { canonical_alias: alias }),
    ...(typeof avatar === 'string' && parseMxc(avatar) && { avatar_url: avatar }),
  }
}

function pageFrom(answer: Json): PublicRooms {
  const chunk = own(answer, 'chunk')
  const [next, before] = [text(own(answer, 'next_batch')), text(own(answer, 'prev_batch'))]
  const total = own(answer, 'total_room_count_estimate')
  const rooms = (Array.isArray(chunk) ? chunk : []).slice(0, mostRooms).flatMap((entry) => entryFrom(entry) ?? [])
  return {
    chunk: rooms,
    ...(next !== undefined && { next_batch: next }),
    ...(before !== undefined && { prev_batch: before }),
    total_room_count_estimate: Number.isSafeInteger(total) ? (total as number) : rooms.length,
  }
}

/** Aliases and room lists of other servers. */
export const remoteDirectory = ({ client }: Pick<Wires, 'client'>): RemoteDirectory => ({
  /** @see https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1querydirectory */
  alias: async (alias) => {
    const server = parseRoomAlias(alias)?.serverName
    if (server === undefined) throw new MatrixError('M_INVALID_PARAM', `"${alias}" is not a room alias`)
    try {
      const answer = await client.ask(server, {
        path: '/_matrix/federation/v1/query/directory',
        query: { room_alias: alias },
        timeoutMs: 20_000,
      })
      const [roomId, servers] = [own(answer, 'room_id'), own(answer, 'servers')]
      if (!isRoomId(roomId)) throw new MatrixError('M_NOT_FOUND', `There is no room with the alias ${alias}`)
      const named = (Array.isArray(servers) ? servers : []).filter((one): one is string => isServerName(one))
      return { roomId, servers: [...new Set([...named.slice(0, mostServers), server])] }
    } catch (error) {
      throw asClientError(error)
    }
  },
  /** @see https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1publicrooms */
  publicRooms: async (server, { limit, since, term, roomTypes, everything, instance }) => {
    const filter: JsonObject = {
      ...(term !== undefined && { generic_search_term: term }),
      ...(roomTypes && { room_types: [...roomTypes] }),
    }
    const content: JsonObject = {
      limit: Math.min(Math.max(limit ?? 100, 1), mostRooms),
      ...(since !== undefined && { since }),
      ...(Object.keys(filter).length > 0 && { filter }),
      ...(everything === true && { include_all_networks: true }),
      ...(instance !== undefined && { third_party_instance_id: instance }),
    }
    try {
      const answer = await client.ask(server, {
        method: 'POST',
        path: '/_matrix/federation/v1/publicRooms',
        content,
        maxBytes: largest,
        timeoutMs: 20_000,
      })
      return pageFrom(isObject(answer) ? answer : {})
    } catch (error) {
      throw asClientError(error)
    }
  },
})
