import type { Labels } from './labels.ts'
import type { Place, Places } from './places.ts'
import type { ListFilters } from './request.ts'

export interface FilterDeps {
  readonly labels: Labels
  readonly spaceChildren: (space: number) => Promise<ReadonlySet<string>>
}

type Test = (place: Place) => boolean

/** Those of a user's rooms that a list wants, in the same order. Filters that are not given let everything through. */
export async function filtered(
  deps: FilterDeps,
  user: number,
  places: Places,
  filters: ListFilters,
): Promise<readonly Place[]> {
  const tests: Test[] = []
  const {
    is_dm: isDm,
    is_encrypted: isEncrypted,
    is_invite: isInvite,
    room_types: types,
    not_room_types: notTypes,
  } = filters
  if (isDm !== undefined) {
    const { roomIds } = await deps.labels.directs(user)
    tests.push(({ room }) => roomIds.has(room.id) === isDm)
  }
  if (isEncrypted !== undefined) tests.push(({ encrypted }) => encrypted === isEncrypted)
  if (isInvite !== undefined) tests.push(({ member }) => (member.membership === 'invite') === isInvite)
  if (types) tests.push(({ room }) => types.includes(room.roomType))
  if (notTypes) tests.push(({ room }) => !notTypes.includes(room.roomType))
  if (filters.tags || filters.not_tags) tests.push(await tagTest(deps, user, filters))
  if (filters.spaces) tests.push(await spaceTest(deps, places, filters.spaces))
  return tests.length === 0 ? places.list : places.list.filter((place) => tests.every((test) => test(place)))
}

async function tagTest({ labels }: FilterDeps, user: number, { tags, not_tags: notTags }: ListFilters): Promise<Test> {
  const tagsOf = await labels.tags(user)
  return ({ room }) => {
    const here = tagsOf.get(room.nid)
    return (!tags || tags.some((tag) => here?.has(tag))) && !notTags?.some((tag) => here?.has(tag))
  }
}

/** Only rooms that the spaces themselves name: subspaces are not looked into. */
async function spaceTest({ spaceChildren }: FilterDeps, places: Places, spaces: readonly string[]): Promise<Test> {
  const children = new Set<string>()
  for (const spaceId of new Set(spaces)) {
    const space = places.byId.get(spaceId)
    if (space?.member.membership !== 'join') continue
    for (const child of await spaceChildren(space.room.nid)) children.add(child)
  }
  return ({ room }) => children.has(room.id)
}
