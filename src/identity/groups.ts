import { own } from '../matrix/json.ts'
import { type Claims, valueAt } from './claims/index.ts'
import type { GroupRoom, Policy } from './policy.ts'

/** The names in a claim of groups: a list, one name, or an object whose names are groups. */
const namesAt = (claims: Claims, path: NonNullable<Policy['groups']>['claim']): ReadonlySet<string> => {
  const value = valueAt(claims, path)
  if (Array.isArray(value)) return new Set(value.filter((one) => typeof one === 'string'))
  if (typeof value === 'string') return new Set([value])
  return new Set(
    typeof value === 'object' && value !== null
      ? Object.keys(value).filter((name) => own(value, name) !== undefined)
      : [],
  )
}

/** The rooms that the claims put somebody in; of several groups in one room the highest power counts. */
export const groupsIn = ({ claim, rooms }: NonNullable<Policy['groups']>, claims: Claims): GroupRoom[] => {
  const names = namesAt(claims, claim)
  const best = new Map<string, GroupRoom>()
  for (const one of rooms) {
    if (!names.has(one.group)) continue
    const other = best.get(one.room)
    if (!other || (one.power ?? 0) > (other.power ?? 0)) best.set(one.room, one)
  }
  return [...best.values()]
}
