import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expectedOf, isBlock } from './expected.ts'
import { type Finding, findingAt, type Origin } from './finding.ts'
import { isBlank, type Raw, type RawEntry, type RawMap, rawOf } from './raw.ts'
import { readValue } from './read-value.ts'
import type { GroupSetting, Keys, ListSetting, Setting, VariantsSetting } from './setting.ts'
import { secretOfFileKey } from './setting.ts'
import { listed, shown } from './shown.ts'
import { adviceFor } from './unknown-key.ts'

/** One reading of a whole configuration: where findings gather, and where defaults with relative paths start from. */
export interface Reading {
  readonly schema: Keys
  readonly findings: Finding[]
  readonly base: string
  /** How many values could not be taken. */
  refused: number
}

type Values = Record<string, unknown>

const report = (reading: Reading, at: Origin, key: string, message: string, fix?: string): undefined => {
  reading.findings.push(findingAt(at, 'error', key, message, fix))
  reading.refused += 1
}

/** Says that the value is not what the setting wants; of a secret, without the value. */
const mustBe = (
  reading: Reading,
  setting: Setting,
  raw: Raw,
  path: string,
  hidden: boolean,
  expected: string,
  fix?: string,
): undefined => {
  const value = raw.kind === 'scalar' ? shown(raw.value) : raw.kind === 'list' ? 'a list' : 'a block'
  return report(
    reading,
    raw.at,
    path,
    `"${path}" must be ${expected}${hidden || setting.secret ? '' : `, not ${value}`}.`,
    fix,
  )
}

const jsonOf = (raw: Raw): unknown => {
  if (raw.kind === 'list') return raw.items.map(jsonOf)
  if (raw.kind === 'scalar') return raw.value
  return Object.fromEntries([...raw.entries].map(([key, entry]) => [key, jsonOf(entry.value)]))
}
const isJson = (raw: Raw): boolean =>
  raw.kind === 'list'
    ? raw.items.every(isJson)
    : raw.kind === 'map'
      ? [...raw.entries].every(([key, entry]) => key !== '__proto__' && isJson(entry.value))
      : raw.value === null ||
        typeof raw.value === 'string' ||
        typeof raw.value === 'boolean' ||
        Number.isFinite(raw.value)

/** Reads one setting; undefined, with a finding, when it cannot be taken. `hidden` holds inside a secret list. */
function readSetting(reading: Reading, setting: Setting, raw: Raw, path: string, hidden = false): unknown {
  const refuse = (expected = expectedOf(setting), fix?: string): undefined =>
    mustBe(reading, setting, raw, path, hidden, expected, fix)
  switch (setting.kind) {
    case 'group':
      return readGroup(reading, setting, raw, path)
    case 'variants':
      return readVariant(reading, setting, raw, path)
    case 'list':
      return readList(reading, setting, raw, path)
    case 'json':
      return raw.kind === 'map' && isJson(raw) ? jsonOf(raw) : refuse()
    default: {
      if (setting.kind === 'text' && setting.json && raw.kind === 'map' && isJson(raw))
        return JSON.stringify(jsonOf(raw))
      if (raw.kind !== 'scalar') return refuse(undefined, `Write one value behind "${path.split('.').at(-1)}:".`)
      const taken = readValue(setting, raw.value, raw.at)
      return 'value' in taken ? taken.value : refuse(taken.fault.expected, taken.fault.fix)
    }
  }
}

function readList(reading: Reading, setting: ListSetting, raw: Raw, path: string): unknown {
  const hidden = setting.secret ?? false
  if (setting.off && raw.kind === 'scalar' && raw.value === 'off') return 'off'
  if (raw.kind !== 'list' && (isBlock(setting.of) || raw.kind === 'map')) {
    const fix = raw.kind === 'map' && isBlock(setting.of) ? 'Begin each block with "- ".' : undefined
    return mustBe(reading, setting, raw, path, hidden, expectedOf(setting), fix)
  }
  const items = raw.kind === 'list' ? raw.items : [raw]
  if (items.length < (setting.min ?? 0))
    return report(reading, raw.at, path, `"${path}" is an empty list.`, 'Name at least one, or take it out.')
  const values = items.map((item, index) =>
    readSetting(reading, setting.of, item, raw.kind === 'list' ? `${path}[${index}]` : path, hidden),
  )
  return values.includes(undefined) ? undefined : values
}

function readGroup(reading: Reading, setting: GroupSetting, raw: Raw, path: string): unknown {
  if (raw.kind === 'map') return readKeys(reading, setting.keys, raw, path)
  const value = raw.kind === 'scalar' ? raw.value : undefined
  if (setting.off && value === 'off') return 'off'
  return mustBe(
    reading,
    setting,
    raw,
    path,
    false,
    expectedOf(setting),
    setting.off && value === false ? 'Write off.' : undefined,
  )
}

function readVariant(reading: Reading, setting: VariantsSetting, raw: Raw, path: string): unknown {
  if (raw.kind !== 'map') return mustBe(reading, setting, raw, path, false, expectedOf(setting))
  const entry = raw.entries.get('type')
  const type = entry?.value.kind === 'scalar' ? entry.value.value : undefined
  const known = Object.keys(setting.variants)
  if (typeof type !== 'string' || !Object.hasOwn(setting.variants, type)) {
    const missing = typeof type === 'string' && Object.hasOwn(setting.missing, type) ? setting.missing[type] : undefined
    return entry && !isBlank(entry.value)
      ? report(
          reading,
          entry.value.at,
          `${path}.type`,
          missing ?? `"${path}.type" must be ${listed(known)}, not ${shown(type)}.`,
        )
      : report(reading, raw.at, `${path}.type`, `"${path}.type" is missing.`, `It must be ${listed(known)}.`)
  }
  const rest = new Map(raw.entries)
  rest.delete('type')
  const values = readKeys(reading, setting.variants[type] ?? {}, { ...raw, entries: rest }, path)
  return values && { type, ...values }
}

/**
 * Reads a block: every key that is there, the defaults of those that are not, and a finding for each that should not be.
 * Undefined when a value could not be taken; an unknown key spoils no other.
 */
export function readKeys(reading: Reading, keys: Keys, raw: RawMap, path: string): Values | undefined {
  const inside = (key: string): string => (path === '' ? key : `${path}.${key}`)
  for (const [key, entry] of raw.entries) {
    if (Object.hasOwn(keys, key) || secretOfFileKey(keys, key) !== undefined) continue
    const advice = adviceFor(key, path, keys, reading.schema)
    reading.findings.push(findingAt(entry.at, 'error', inside(key), `${shown(inside(key))} is not a setting.`, advice))
  }
  const before = reading.refused
  const values: Values = {}
  for (const [key, setting] of Object.entries(keys)) {
    const value = readKey(reading, key, setting, raw, inside(key))
    if (value !== undefined) values[key] = value
  }
  return reading.refused === before ? values : undefined
}

function readKey(reading: Reading, key: string, setting: Setting, block: RawMap, path: string): unknown {
  const written = presentEntry(block, key)
  const fromFile = setting.secret ? presentEntry(block, `${key}_file`) : undefined
  if (written && fromFile) {
    return report(
      reading,
      fromFile.at,
      `${path}_file`,
      `"${path}" and "${path}_file" are both set.`,
      'Keep one of the two.',
    )
  }
  if (fromFile) return readSecretFiles(reading, setting, fromFile, path)
  if (written) return readSetting(reading, setting, written.value, path)
  if (setting.required) {
    return report(
      reading,
      block.entries.get(key)?.at ?? block.at,
      path,
      `"${path}" is missing.`,
      `It must be ${expectedOf(setting)}.`,
    )
  }
  const at: Origin = { base: reading.base, form: 'object' }
  if (setting.default !== undefined) return readSetting(reading, setting, rawOf(setting.default, at), path)
  return setting.kind === 'group' ? readSetting(reading, setting, rawOf({}, at), path) : undefined
}

const presentEntry = (block: RawMap, key: string): RawEntry | undefined => {
  const entry = block.entries.get(key)
  return entry && !isBlank(entry.value) ? entry : undefined
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a folder',
  ENOTDIR: 'there is no such folder',
}
/** Why a file could not be read, in words. */
export const whyUnreadable = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'an unknown reason'
  return reasons[code] ?? code
}

function readSecretFiles(reading: Reading, setting: Setting, entry: RawEntry, path: string): unknown {
  const files = entry.value.kind === 'list' ? entry.value.items : [entry.value]
  if (setting.kind !== 'list' && entry.value.kind === 'list') {
    return report(reading, entry.value.at, `${path}_file`, `"${path}_file" must be a path, not a list.`)
  }
  const texts: Raw[] = []
  for (const file of files) {
    const name = file.kind === 'scalar' ? file.value : undefined
    if (typeof name !== 'string' || name === '' || name.includes('\0')) {
      return report(
        reading,
        file.at,
        `${path}_file`,
        `"${path}_file" must be the path of a file that holds the secret.`,
      )
    }
    try {
      const text = readFileSync(resolve(file.at.base, name), 'utf8').replace(/[\r\n]+$/, '')
      const parts =
        setting.kind === 'list' && setting.lines
          ? text
              .split(/\r?\n/)
              .map((line) => line.trim())
              .filter(Boolean)
          : [text]
      texts.push(...parts.map((value): Raw => ({ kind: 'scalar', value, at: { ...file.at, form: 'text' } })))
    } catch (error) {
      return report(
        reading,
        file.at,
        `${path}_file`,
        `"${path}_file": ${resolve(file.at.base, name)} cannot be read: ${whyUnreadable(error)}.`,
      )
    }
  }
  const [first] = texts
  return readSetting(
    reading,
    setting,
    setting.kind === 'list' ? { kind: 'list', items: texts, at: entry.value.at } : (first ?? entry.value),
    path,
  )
}
