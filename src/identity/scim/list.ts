import type { JsonObject } from '../../matrix/json.ts'
import { equalities, type Filter, matches } from './filter.ts'
import { groupResource } from './groups.ts'
import { projected, type Projection, wants } from './project.ts'
import type { ScimProvider } from './provider.ts'
import { mostResults } from './schemas.ts'
import {
  countUsers,
  type Narrow,
  readGroups,
  readGroupsOf,
  readMembers,
  readUserPage,
  readUsersAfter,
  type UserRow,
} from './store.ts'
import { userResource } from './user.ts'

/** A list as it is asked for. */
export interface ListRequest {
  readonly filter: Filter | undefined
  /** From 1. */
  readonly start: number
  readonly count: number
  readonly projection: Projection
}

const usual = 100
const batch = 200

/** The page that a request asks for; numbers that make no sense become those that do. */
export const pageOf = (
  startIndex: number | undefined,
  count: number | undefined,
): Pick<ListRequest, 'start' | 'count'> => ({
  start: Math.max(1, Math.trunc(startIndex ?? 1)),
  count: Math.min(mostResults, Math.max(0, Math.trunc(count ?? usual))),
})

/** @see https://www.rfc-editor.org/rfc/rfc7644#section-3.4.2 */
export const listOf = (total: number, start: number, resources: readonly JsonObject[]): JsonObject => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
  totalResults: total,
  startIndex: start,
  itemsPerPage: resources.length,
  Resources: [...resources],
})

const narrowBy = (filter: Filter, nameAttribute: string): Narrow => {
  const equal = new Map(equalities(filter).map(({ name, value }) => [name, value]))
  return { id: equal.get('id'), externalId: equal.get('externalId'), name: equal.get(nameAttribute)?.toLowerCase() }
}

/** Every user that a filter finds: those rows that may be, one batch after the other, so that others get their turn. */
const found = async (provider: ScimProvider, filter: Filter): Promise<UserRow[]> => {
  const { id, deps, base } = provider
  const narrow = narrowBy(filter, 'userName')
  const rows: UserRow[] = []
  for (let after = ''; ;) {
    const some = await readUsersAfter(deps.database.read, id, narrow, after, batch)
    rows.push(...some.filter((row) => matches(filter, userResource(row, [], base))))
    const last = some.at(-1)
    if (!last || some.length < batch) return rows
    after = last.id
  }
}

export const listUsers = async (
  provider: ScimProvider,
  { filter, start, count, projection }: ListRequest,
): Promise<JsonObject> => {
  const {
    id,
    deps: { database },
    base,
  } = provider
  const all = filter && (await found(provider, filter))
  const page = all
    ? all.slice(start - 1, start - 1 + count)
    : count === 0
      ? []
      : await readUserPage(database.read, id, start - 1, count)
  const resources = await Promise.all(
    page.map(async (row) =>
      userResource(row, wants(projection, 'groups') ? await readGroupsOf(database.read, id, row.id) : [], base),
    ),
  )
  return listOf(
    all ? all.length : await countUsers(database.read, id),
    start,
    resources.map((resource) => projected(resource, projection)),
  )
}

/** Whether a filter asks who is in a group. */
const asksMembers = (filter: Filter): boolean => {
  if ('filters' in filter) return filter.filters.some(asksMembers)
  return 'path' in filter ? filter.path.name === 'members' : asksMembers(filter.filter)
}

export const listGroups = async (
  provider: ScimProvider,
  { filter, start, count, projection }: ListRequest,
): Promise<JsonObject> => {
  const {
    id,
    deps: { database },
    base,
  } = provider
  let rows = await readGroups(database.read, id, filter ? narrowBy(filter, 'displayName') : {})
  if (filter) {
    const kept: typeof rows = []
    for (const row of rows) {
      const members = asksMembers(filter) ? await readMembers(database.read, id, row.id) : undefined
      if (matches(filter, groupResource(row, members, base))) kept.push(row)
    }
    rows = kept
  }
  const resources = await Promise.all(
    rows
      .slice(start - 1, start - 1 + count)
      .map(async (row) =>
        groupResource(
          row,
          wants(projection, 'members') ? await readMembers(database.read, id, row.id) : undefined,
          base,
        ),
      ),
  )
  return listOf(
    rows.length,
    start,
    resources.map((resource) => projected(resource, projection)),
  )
}
