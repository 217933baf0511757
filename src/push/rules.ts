import { own, type JsonObject } from '../matrix/json.ts'
import {
  compileStored,
  flatten,
  mergeWithDefaults,
  noRules,
  type CompiledRules,
  type EventView,
  type PushEvent,
  type Ruleset,
  type StoredRules,
} from '../matrix/push-rules/index.ts'
import type { Database } from '../storage/index.ts'
import type { Log } from '../streams/index.ts'
import type { AccountDataItem, AccountDataNews, Users } from '../users/index.ts'
import { readRules, writeRules } from './store/rules.ts'

export interface PushRulesDeps {
  readonly database: Database
  readonly log: Log
  readonly users: Pick<Users, 'nameOf'>
}

/** Everyone's push rules. */
export interface PushRules {
  /** Ready to be asked about events. The same object until the rules change. */
  compiled(user: number): CompiledRules | Promise<CompiledRules>
  /** An event made ready for rules; once, however many people's are asked about it. */
  viewOf(event: PushEvent): EventView
  ruleset(user: number): Promise<Ruleset>
  /** Content of the user's `m.push_rules` in account data. */
  content(user: number): Promise<JsonObject>
  /** Position in the log of the last change; 0 when there was none. */
  position(user: number): Promise<number>
  /** Replaces what `edit` makes of the user's rules; whatever it throws leaves them as they were. Nothing is told of no change. */
  change(user: number, edit: (stored: StoredRules) => StoredRules): Promise<void>
}

interface Kept {
  readonly stored: StoredRules
  readonly compiled: CompiledRules
  readonly position: number
  /** Characters of the rules as JSON: a measure of the memory they take. */
  readonly size: number
}

/** In memory, of the rules with what is compiled of them: of a user, and of a character of JSON. */
const [userBytes, characterBytes] = [1000, 10]

const keep = (stored: StoredRules, position: number): Kept => ({
  stored,
  compiled: compileStored(stored),
  position,
  size: JSON.stringify(stored).length,
})

export function openPushRules({ database, log, users }: PushRulesDeps): PushRules {
  const cache = database.memory.cache<number, Kept>({
    name: 'push rules',
    weigh: ({ size }) => userBytes + characterBytes * size,
  })
  const views = database.memory.cache<PushEvent, EventView>({
    name: 'events for push rules',
    weigh: viewBytes,
    share: 1 / 16,
  })
  const loading = new Map<number, Promise<Kept>>()

  const load = (user: number): Promise<Kept> => {
    const under = loading.get(user)
    if (under) return under
    const promise = readRules(database.read, user)
      .then((row) => {
        const kept = keep(row?.stored ?? noRules, row?.position ?? 0)
        if (loading.get(user) === promise) cache.set(user, kept)
        return kept
      })
      .finally(() => {
        if (loading.get(user) === promise) loading.delete(user)
      })
    loading.set(user, promise)
    return promise
  }
  const get = (user: number): Kept | Promise<Kept> => cache.get(user) ?? load(user)

  const rulesetOf = async (user: number, stored: StoredRules): Promise<Ruleset> =>
    mergeWithDefaults(await users.nameOf(user), stored)

  return {
    compiled: (user) => {
      const kept = get(user)
      return kept instanceof Promise ? kept.then((one) => one.compiled) : kept.compiled
    },
    viewOf: (event) => {
      const known = views.get(event)
      if (known) return known
      const view = flatten(event)
      views.set(event, view)
      return view
    },
    ruleset: async (user) => rulesetOf(user, (await get(user)).stored),
    content: async (user) => contentOf(await rulesetOf(user, (await get(user)).stored)),
    position: async (user) => (await get(user)).position,
    change: async (user, edit) => {
      const userId = await users.nameOf(user)
      await log.write(async (tx) => {
        const before = (await readRules(tx.sql, user))?.stored ?? noRules
        const after = edit(before)
        if (JSON.stringify(after) === JSON.stringify(before)) return
        const position = tx.append({
          kind: 'account_data',
          user,
          wake: [user],
          data: newsOf(contentOf(mergeWithDefaults(userId, after))),
          bytes: 8 * largestInMemory,
          onAnnounce: () => {
            // A load that is under way may have read what was there before.
            loading.delete(user)
            cache.set(user, keep(after, position))
          },
        })
        await writeRules(tx.sql, user, after, position)
      })
    },
  }
}

/** Folded texts and words, of which every second character may be one. */
const viewBytes = ({ event: { content } }: EventView): number => {
  const text = own(content, 'body')
  return 1000 + (typeof text === 'string' ? 50 * text.length : 0)
}

const type = 'm.push_rules'

const contentOf = (ruleset: Ruleset): JsonObject => ({ global: ruleset })

/** Larger content is asked for when it is needed instead of being kept in the log's tail. */
const largestInMemory = 8 * 1024

const newsOf = (content: JsonObject): AccountDataNews => ({
  type,
  content: JSON.stringify(content).length > largestInMemory ? undefined : content,
})

/**
 * Adds the push rules to what `users.accountData.since(user, since, until)` gave: an initial sync (`since` 0) always has them, a
 * later one when they changed. Where the log's tail told of them they are there already.
 */
export async function withPushRules(
  rules: PushRules,
  items: readonly AccountDataItem[],
  user: number,
  since: number,
  until: number,
): Promise<readonly AccountDataItem[]> {
  if (items.some((item) => item.type === type && item.room === undefined)) return items
  const position = await rules.position(user)
  if (since > 0 && (position <= since || position > until)) return items
  return [...items, { room: undefined, type, content: await rules.content(user), position }]
}
