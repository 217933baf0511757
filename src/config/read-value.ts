import { resolve } from 'node:path'
import { expectedOf } from './expected.ts'
import type { Origin } from './finding.ts'
import { parseDuration, parseSize } from './forms.ts'
import { nearest } from './nearest.ts'
import type {
  BooleanSetting,
  ChoiceSetting,
  DurationSetting,
  NumberSetting,
  PathSetting,
  Setting,
  SizeSetting,
  TextSetting,
} from './setting.ts'

/** Why a value was not taken: what must stand there unless that is the setting's own `expected`, and how to get there. */
export interface Fault {
  readonly expected?: string
  readonly fix?: string | undefined
}
export type Taken = { readonly value: string | number | boolean } | { readonly fault: Fault }

const fault = (fix?: string, expected?: string): Taken => ({
  fault: { fix, ...(expected !== undefined && { expected }) },
})

const readText = (setting: TextSetting, value: unknown): Taken => {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') {
    return fault(setting.fix?.(String(value)) ?? 'Put it in quotes to make it text.')
  }
  if (typeof value !== 'string') return fault()
  if (value === '') return fault('Take the line out to leave it unset.', `${expectedOf(setting)} that is not empty`)
  if (!setting.parse) return { value }
  const parsed = setting.parse(value)
  return parsed === undefined ? fault(setting.fix?.(value)) : { value: parsed }
}

const readBoolean = (_: BooleanSetting, value: unknown, at: Origin): Taken => {
  if (typeof value === 'boolean') return { value }
  const word = typeof value === 'string' ? value.toLowerCase() : ''
  if (at.form === 'text' && (word === 'true' || word === 'false')) return { value: word === 'true' }
  if (word === 'true' || word === 'false') return fault('Write it without quotes.')
  if (['yes', 'on', 'y', '1', 'enabled'].includes(word) || value === 1) return fault('Write true, without quotes.')
  if (['no', 'off', 'n', '0', 'disabled'].includes(word) || value === 0) return fault('Write false, without quotes.')
  return fault()
}

const readNumber = (setting: NumberSetting, value: unknown, at: Origin): Taken => {
  const number =
    at.form === 'text' && typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : value
  if (typeof number === 'string' && value !== '' && Number.isFinite(Number(value)))
    return fault('Write it without quotes.')
  return typeof number === 'number' &&
    number >= setting.min &&
    number <= setting.max &&
    (!setting.whole || Number.isInteger(number))
    ? { value: number }
    : fault()
}

const readDuration = (_: DurationSetting, value: unknown, at: Origin): Taken => {
  const ms = typeof value === 'string' ? parseDuration(value) : value
  if (typeof value === 'number' && at.form === 'yaml')
    return fault(`Add the unit: ${value}s are seconds, ${value}m minutes.`)
  return typeof ms === 'number' && Number.isSafeInteger(ms) && ms > 0 ? { value: ms } : fault()
}

const readSize = (_: SizeSetting, value: unknown): Taken => {
  const bytes = typeof value === 'string' ? parseSize(value) : value
  return typeof bytes === 'number' && Number.isSafeInteger(bytes) && bytes > 0 ? { value: bytes } : fault()
}

const readChoice = (setting: ChoiceSetting, value: unknown): Taken => {
  const word = Number.isSafeInteger(value) ? String(value) : value
  if (typeof word !== 'string') return fault()
  if (setting.values.includes(word)) return { value: word }
  const meant = nearest(word, setting.values)
  return fault(meant && `Did you mean "${meant}"?`)
}

const readPath = (_: PathSetting, value: unknown, at: Origin): Taken =>
  typeof value === 'string' && value !== '' && !value.includes('\0') ? { value: resolve(at.base, value) } : fault()

/** Reads a setting that is one value. */
export const readValue = (
  setting: Exclude<Setting, { kind: 'list' | 'group' | 'variants' | 'json' }>,
  value: unknown,
  at: Origin,
): Taken => {
  if (setting.off && value === 'off') return { value }
  if (setting.off && value === false) return fault('Write off.')
  switch (setting.kind) {
    case 'text':
      return readText(setting, value)
    case 'path':
      return readPath(setting, value, at)
    case 'boolean':
      return readBoolean(setting, value, at)
    case 'number':
      return readNumber(setting, value, at)
    case 'duration':
      return readDuration(setting, value, at)
    case 'size':
      return readSize(setting, value)
    default:
      return readChoice(setting, value)
  }
}
