import type { Entry } from 'ldapts'
import type { Json, JsonObject } from '../../matrix/json.ts'
import type { Claims } from '../../identity/index.ts'
import { firstValue, isBelow } from './escape.ts'

/** Attributes that are bytes, although these may look like text by chance. */
export const binaryAttributes = ['objectGUID', 'objectguid']

const valueOf = (value: Entry[string] | undefined): Json | undefined => {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) {
    const texts = value.filter((one) => typeof one === 'string')
    return texts.length === 0 ? undefined : texts
  }
  return undefined
}

/** What an entry says under an attribute, whose name has no letter case. */
const attributeOf = (entry: Entry, name: string): Entry[string] | undefined => {
  const key = Object.keys(entry).find((one) => one.toLowerCase() === name.toLowerCase() && one !== 'dn')
  return key === undefined ? undefined : entry[key]
}

/** A GUID as Microsoft writes it: the first three parts have their bytes the other way round. */
const guidOrder = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
const guidText = (bytes: Buffer): string =>
  Buffer.from(guidOrder.map((at) => bytes[at] ?? 0))
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
const guidBytes = (text: string): Buffer => {
  const bytes = Buffer.from(text.replaceAll('-', ''), 'hex')
  return Buffer.from(guidOrder.map((_, at) => bytes[guidOrder.indexOf(at)] ?? 0))
}
const isGuid = (attribute: string): boolean => attribute.toLowerCase() === 'objectguid'

/** What an entry is known by for good; undefined where it does not have just one of that attribute, as text. */
export const subjectOf = (entry: Entry, attribute: string): string | undefined => {
  const value = attributeOf(entry, attribute)
  const [only, ...more] = Array.isArray(value) ? value : [value]
  if (more.length > 0) return undefined
  if (isGuid(attribute)) return Buffer.isBuffer(only) && only.length === 16 ? guidText(only) : undefined
  return typeof only === 'string' && only !== '' ? only : undefined
}

/** The value to look for where a subject is to be found again. */
export const subjectValue = (subject: string, attribute: string): string | Buffer =>
  isGuid(attribute) && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(subject) ? guidBytes(subject) : subject

/** The names of those groups of an entry that are below `base`. */
export const groupsUnder = (entry: Entry, base: string): string[] => {
  const value = attributeOf(entry, 'memberOf')
  return (Array.isArray(value) ? value : [value])
    .filter((one) => typeof one === 'string')
    .filter((dn) => isBelow(dn, base))
    .flatMap((dn) => firstValue(dn) ?? [])
}

/** The first value of an attribute, as text. */
export const textOf = (entry: Entry, attribute: string): string | undefined => {
  const value = valueOf(attributeOf(entry, attribute))
  const first: unknown = Array.isArray(value) ? value[0] : value
  return typeof first === 'string' ? first : undefined
}

/** An entry as claims, by the names that rules and templates have for its attributes. */
export const claimsOf = (entry: Entry, wanted: readonly string[], groups: readonly string[] | undefined): Claims => {
  const claims: JsonObject = {}
  for (const name of wanted) {
    const value = valueOf(attributeOf(entry, name))
    if (value !== undefined) claims[name] = value
  }
  return { ...claims, dn: entry.dn, ...(groups && { groups: [...groups] }) }
}
