// What the server has told so far, by the name that it told it under: requests name things that are there.
import type { Random } from './random.ts'

const most = 40

/** `roomIdOrAlias` as `room_id_or_alias`. */
const snake = (name: string): string => name.replaceAll(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()

/** Names for the same thing. */
const families: readonly (readonly string[])[] = [
  ['room_id', 'room_id_or_alias', 'alias', 'room_alias', 'room', 'replacement_room', 'rooms', 'target_room'],
  ['event_id', 'm.fully_read', 'm.read', 'root_id', 'relates_to'],
  ['user_id', 'sender', 'invite', 'user', 'mxid', 'admin_user_id', 'creator', 'local_part', 'username'],
  ['device_id', 'devices', 'device'],
  ['next_batch', 'prev_batch', 'since', 'from', 'to', 'at', 'pos', 'end', 'start', 'next_token', 'batch'],
  ['media_id', 'content_uri', 'avatar_url', 'mxc', 'url'],
  ['version', 'new_version', 'room_version'],
  ['session_id', 'session', 'sid'],
  ['id', 'report_id', 'report', 'filter_id', 'delay_id', 'delete_id', 'purge_id', 'redact_id', 'next_link'],
  ['type', 'event_type', 'rel_type', 'state_key'],
]
const kin = new Map(families.flatMap((family) => family.map((name) => [name, family] as const)))

export interface Pools {
  readonly add: (name: string, value: string) => void
  /** Learns from an answer. */
  readonly learn: (answer: unknown) => void
  /** Something that fits the name, if anything is known. */
  readonly pick: (random: Random, name: string) => string | undefined
}

export function createPools(): Pools {
  const pools = new Map<string, string[]>()
  let turn = 0
  const add = (name: string, value: string): void => {
    const pool = pools.get(name) ?? []
    if (pool.includes(value)) return
    pools.set(name, pool)
    // What came first, which the world is built of, stays longest.
    if (pool.length < most) pool.push(value)
    else pool[most / 4 + (turn++ % ((most * 3) / 4))] = value
  }
  const ofId = (text: string): void => {
    if (text.length < 4 || text.length > 255) return
    if (text.startsWith('!')) add('room_id', text)
    else if (text.startsWith('@')) add('user_id', text)
    else if (text.startsWith('$')) add('event_id', text)
    else if (text.startsWith('#')) add('room_alias', text)
    else if (text.startsWith('mxc://')) {
      add('content_uri', text)
      add('media_id', text.split('/').at(-1) ?? '')
    }
  }
  const learn = (value: unknown, name = '', depth = 0): void => {
    if (typeof value === 'string') {
      if (value.length === 0 || value.length > 300) return
      ofId(value)
      if (name !== '') add(name, value)
    } else if (typeof value === 'object' && value !== null && depth < 8) {
      for (const [key, below] of Object.entries(value).slice(0, 50)) {
        if (!Array.isArray(value)) ofId(key)
        learn(below, Array.isArray(value) ? name : snake(key), depth + 1)
      }
    }
  }
  return {
    add,
    learn: (answer) => learn(answer),
    pick: (random, name) => {
      const wanted = snake(name)
      const candidates = [wanted, ...(kin.get(wanted) ?? [])].filter((one) => pools.has(one))
      if (candidates.length === 0) return undefined
      const chosen = random.chance(60) && candidates[0] === wanted ? wanted : random.pick(candidates)
      return random.pick(pools.get(chosen) ?? [''])
    },
  }
}
