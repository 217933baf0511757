// Values that have broken servers before, and ways to bend what was right.
import type { Random } from './random.ts'

export const nastyTexts = [
  '',
  ' ',
  '.',
  '..',
  '/',
  '%',
  '%00',
  '%2F..%2F',
  '%zz',
  '\0',
  'a\0b',
  '\u202e',
  '\ud800',
  '\udc00x',
  '\ufeff',
  '💥',
  '\r\nset-cookie: a=b',
  '\x1b[31m',
  'null',
  'true',
  '-1',
  '0',
  '1.5',
  '1e999',
  'NaN',
  '9007199254740993',
  '9223372036854775808',
  '99999999999999999999999',
  '__proto__',
  'constructor',
  'hasOwnProperty',
  '@',
  '!',
  '#',
  '$',
  ':',
  '@:test',
  '@a:b:c',
  '@ALICE:test',
  '@nobody:elsewhere.test',
  '!nowhere:elsewhere.test',
  '#nowhere:elsewhere.test',
  "'; drop table users; --",
  '(?:a+)+$',
  '*'.repeat(60),
  '?'.repeat(250),
  '[object Object]',
  'a'.repeat(255),
  'a'.repeat(256),
  'ä'.repeat(130),
  'x'.repeat(5000),
  '2'.repeat(400),
  'mxc://test/abc',
  'mxc://elsewhere.test/../../etc/passwd',
  'http://127.0.0.1:1/',
  'javascript:alert(1)',
  'm.room.member',
  'm.room.create',
] as const

const nastyNumbers = [
  0,
  -1,
  1,
  1.5,
  -0,
  255,
  2 ** 31,
  2 ** 53,
  -(2 ** 53),
  2 ** 63,
  1e21,
  1e308,
  253_402_300_800_000, // the year 10000, in ms
] as const

export const nastyText = (random: Random): string => random.pick(nastyTexts)
export const nastyNumber = (random: Random): number => random.pick(nastyNumbers)

/** Any JSON value, mostly a wrong one. */
export function nastyValue(random: Random, depth = 0): unknown {
  const kind = random.int(depth > 2 ? 6 : 10)
  if (kind < 2) return nastyText(random)
  if (kind === 2) return nastyNumber(random)
  if (kind === 3) return random.chance(50)
  if (kind === 4) return null
  if (kind === 5) return random.pick([[], {}])
  if (kind < 8) return Array.from({ length: random.int(4) }, () => nastyValue(random, depth + 1))
  const entries = Array.from({ length: random.int(4) }, () => [nastyText(random), nastyValue(random, depth + 1)])
  return Object.fromEntries(entries)
}

const isTree = (value: unknown): value is Record<string, unknown> | unknown[] =>
  typeof value === 'object' && value !== null

/** Too much of what was there. */
const enlarged = (random: Random, value: unknown): unknown =>
  random.pick([
    () => Array.from({ length: 1 + random.int(600) }, () => value),
    () => [value],
    () => 'z'.repeat(random.pick([1000, 20_000, 70_000])),
  ])()

/** Bends one place of a JSON value: takes it away, puts something else there, or has it many times. */
export function bend(random: Random, value: unknown): unknown {
  if (!isTree(value) || random.chance(5)) return nastyValue(random)
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [...value] : { ...value }
  const tree = copy as Record<string, unknown>
  const keys = Object.keys(copy)
  if (keys.length === 0 || random.chance(10)) {
    if (Array.isArray(copy)) copy.push(nastyValue(random))
    else tree[nastyText(random)] = nastyValue(random)
    return copy
  }
  const key = random.pick(keys)
  const below = tree[key]
  if (isTree(below) && random.chance(65)) tree[key] = bend(random, below)
  else if (random.chance(15) && !Array.isArray(copy)) delete tree[key]
  else tree[key] = random.chance(25) ? enlarged(random, below) : nastyValue(random)
  return copy
}

/** A body that is no JSON, or none that Matrix allows. */
export const brokenBody = (random: Random): Buffer =>
  random.pick([
    () => Buffer.from(''),
    () => Buffer.from('{'),
    () => Buffer.from('[]'),
    () => Buffer.from('null'),
    () => Buffer.from('"x"'),
    () => Buffer.from('{"a":1,"a":2}'),
    () => Buffer.from('{"a":1e400}'),
    () => Buffer.from('{"limit":123456789012345678901234567890}'),
    () => Buffer.from('{"__proto__":{"admin":true}}'),
    () => Buffer.from('{"a":"\\ud800","b":"\\u0000"}'),
    () => Buffer.from('\ufeff{}'),
    () => Buffer.from('['.repeat(20_000)),
    () => Buffer.from(`${'{"a":'.repeat(99)}1${'}'.repeat(99)}`),
    () => Buffer.from(`{"body":"${'x'.repeat(70_000)}"}`),
    () => Buffer.from(`{"list":[${'0,'.repeat(60_000)}0]}`),
    () => Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    () => Buffer.from(Array.from({ length: random.int(200) }, () => random.int(256))),
  ])()
