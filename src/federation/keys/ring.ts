import type { Json } from '../../matrix/json.ts'
import type { Database } from '../../storage/index.ts'
import { readKeyAnswer, type KeyAnswer, type VerifyKey } from './answer.ts'
import { openFailures } from './failures.ts'
import type { OwnKeys } from './own.ts'
import { pruneAnswers, readKeys, saveAnswer } from './store.ts'

/** A key that something is signed with, and the time at which it must have been good: 0 where that does not matter. */
export interface WantedKey {
  readonly server: string
  readonly keyId: string
  /** Milliseconds. */
  readonly at: number
}

export interface FoundKeys {
  /** The key, if it is known and was good at the time asked for. */
  of(server: string, keyId: string): VerifyKey | undefined
}

/** The keys of other servers, and our own. */
export interface KeyRing {
  /** Finds many in one go: in memory, in the table, at their servers, at notaries. What is not found is left out. */
  get(wanted: readonly WantedKey[]): Promise<FoundKeys>
  /** Asks servers anew; gives what they said. */
  refresh(servers: readonly string[]): Promise<KeyAnswer[]>
}

export interface KeyRingDeps {
  readonly database: Database
  readonly serverName: string
  readonly own: OwnKeys
  readonly now: () => number
  readonly chance: () => number
  /** Asks a server for its keys. */
  readonly ask: (server: string) => Promise<Json>
  /** Asks a notary for the keys of others. */
  readonly askNotary: (notary: string, wanted: readonly WantedKey[]) => Promise<readonly Json[]>
  readonly notaries: readonly string[]
  readonly mayTalkTo: (server: string) => boolean
  readonly onError: (error: unknown) => void
}

/** So many servers are asked at once. */
const mostAtOnce = 20
/** A server that has just said what its keys are is not asked again for one that it did not name. */
const leastPauseMs = 60_000

const isGood = (key: VerifyKey | undefined, at: number): key is VerifyKey => key !== undefined && key.validUntil >= at

export function openKeyRing(deps: KeyRingDeps): KeyRing {
  const { database, serverName, own, now } = deps
  const known = database.memory.cache<string, ReadonlyMap<string, VerifyKey>>({
    name: 'keys of servers',
    weigh: (keys, server) => 2 * server.length + 300 * keys.size,
  })
  const asked = database.memory.cache<string, number>({
    name: 'servers asked for keys',
    weigh: (_, server) => 2 * server.length,
  })
  const failures = openFailures(database.memory, now, deps.chance)
  const underWay = new Map<string, Promise<KeyAnswer | undefined>>()

  const ours = new Map<string, VerifyKey>(
    [
      ...own.old.map(({ keyId, publicKey, expiredTs }) => ({ keyId, publicKey, validUntil: expiredTs })),
      { keyId: own.signingKey.id, publicKey: own.signingKey.publicKey, validUntil: Number.MAX_SAFE_INTEGER },
    ].map((key) => [key.keyId, { ...key, server: serverName }]),
  )
  const peek = (server: string, keyId: string): VerifyKey | undefined =>
    (server === serverName ? ours : known.get(server))?.get(keyId)

  const learn = (keys: readonly VerifyKey[]): void => {
    for (const [server, list] of Map.groupBy(keys, (key) => key.server)) {
      known.set(server, new Map([...(known.get(server) ?? []), ...list.map((key) => [key.keyId, key] as const)]))
    }
  }

  const take = async (answers: readonly KeyAnswer[]): Promise<void> => {
    if (answers.length === 0) return
    await database.write(async (tx) => {
      for (const answer of answers) await saveAnswer(tx, answer, now())
      await pruneAnswers(tx)
    })
    learn(answers.flatMap(({ keys }) => keys))
  }

  const askServer = async (server: string): Promise<KeyAnswer | undefined> => {
    try {
      const answer = readKeyAnswer(await deps.ask(server), now())
      if (answer?.server !== server) throw new Error(`${server} gave no answer that is signed by its keys`)
      await take([answer])
      failures.clear(server)
      asked.set(server, now())
      return answer
    } catch {
      failures.add(server)
      return undefined
    }
  }

  const fetchOne = (server: string): Promise<KeyAnswer | undefined> => {
    const running = underWay.get(server)
    if (running) return running
    const fresh = askServer(server).finally(() => underWay.delete(server))
    underWay.set(server, fresh)
    return fresh
  }

  const fetchAll = async (servers: readonly string[]): Promise<KeyAnswer[]> => {
    const rest = servers.filter((server) => server !== serverName && deps.mayTalkTo(server))
    const answers: KeyAnswer[] = []
    const work = async (): Promise<void> => {
      for (let server = rest.pop(); server !== undefined; server = rest.pop()) {
        const answer = await fetchOne(server)
        if (answer) answers.push(answer)
      }
    }
    await Promise.all(Array.from({ length: Math.min(mostAtOnce, rest.length) }, work))
    return answers
  }

  const isDue = (server: string): boolean =>
    !failures.has(server) && (asked.get(server) ?? -leastPauseMs) + leastPauseMs <= now()

  const missing = (wanted: readonly WantedKey[]): WantedKey[] =>
    wanted.filter(({ server, keyId, at }) => server !== serverName && !isGood(peek(server, keyId), at))

  const askNotaries = async (wanted: readonly WantedKey[]): Promise<void> => {
    for (const notary of deps.notaries) {
      const rest = missing(wanted).filter(({ server }) => server !== notary && deps.mayTalkTo(server))
      if (rest.length === 0) return
      const name = `notary ${notary}`
      // A notary is asked once for what it does not have, too.
      const fresh = rest.filter(({ server, keyId }) => !failures.has(`${name} ${server} ${keyId}`))
      if (notary === serverName || failures.has(name) || fresh.length === 0) continue
      try {
        const answers = (await deps.askNotary(notary, fresh)).flatMap((json) => readKeyAnswer(json, now()) ?? [])
        const servers = new Set(fresh.map(({ server }) => server))
        await take(answers.filter(({ server }) => servers.has(server)))
        failures.clear(name)
      } catch {
        failures.add(name)
      }
      for (const { server, keyId } of missing(fresh)) failures.add(`${name} ${server} ${keyId}`)
    }
  }

  return {
    get: async (wanted) => {
      const unknown = new Set(missing(wanted).map(({ server }) => server))
      if (unknown.size > 0) learn(await readKeys(database.read, [...unknown]))
      const due = new Set(missing(wanted).map(({ server }) => server))
      await fetchAll([...due].filter(isDue))
      await askNotaries(wanted)
      const found = new Map<string, VerifyKey>()
      for (const { server, keyId, at } of wanted) {
        const key = peek(server, keyId)
        if (isGood(key, at)) found.set(`${server} ${keyId}`, key)
      }
      return { of: (server, keyId) => found.get(`${server} ${keyId}`) }
    },
    refresh: (servers) => fetchAll(servers.filter(isDue)),
  }
}
