import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Finding, findingAt, type Origin } from '../config/finding.ts'
import { isBlank, type Raw, type RawMap } from '../config/raw.ts'
import { whyUnreadable } from '../config/read.ts'
import { readYaml } from '../config/yaml.ts'
import { isValidLocalpart } from '../matrix/ids.ts'
import { patternOf, PatternError, type Pattern } from './pattern.ts'

/** A part of the names of one kind. */
export interface Namespace {
  /** Whether nobody else may have names in it. */
  readonly exclusive: boolean
  readonly fits: Pattern
}

/**
 * What a registration file says.
 * @see https://spec.matrix.org/v1.19/application-service-api/#registration
 */
export interface Registration {
  readonly id: string
  /** Where the application service listens, without a slash at the end; null: it is told of nothing. */
  readonly url: string | null
  readonly asToken: string
  readonly hsToken: string
  readonly senderLocalpart: string
  readonly users: readonly Namespace[]
  readonly aliases: readonly Namespace[]
  readonly rooms: readonly Namespace[]
  readonly rateLimited: boolean
  readonly protocols: readonly string[]
  /** Names under which typing, receipts and presence are sent to it; empty where it does not want them. */
  readonly ephemeralAs: readonly string[]
  /** Whether it gets messages to its users' devices, and news of keys (MSC3202). */
  readonly encryption: boolean
  /** Whether it makes devices instead of signing in (MSC4190). */
  readonly withoutLogin: boolean
}

/** A registration, and the places in its file that two files may be at odds over. */
export interface ReadRegistration {
  readonly registration: Registration
  readonly at: { readonly id: Origin; readonly asToken: Origin; readonly hsToken: Origin }
}

const flags = {
  stableEphemeral: ['receive_ephemeral'],
  unstableEphemeral: ['de.sorunome.msc2409.push_ephemeral', 'push_ephemeral'],
  encryption: ['org.matrix.msc3202'],
  withoutLogin: ['io.element.msc4190'],
} as const

/** A token that is shorter can be guessed. */
const shortestToken = 16

/** Reads values out of one file, and gathers what is wrong with them. */
const readerOf = (root: RawMap, key: string) => {
  const findings: Finding[] = []
  const report = (at: Origin, message: string, fix: string, level: Finding['level'] = 'error'): undefined => {
    findings.push(findingAt(at, level, key, message, fix))
    return undefined
  }
  const entryOf = (map: RawMap, name: string): Raw | undefined => {
    const value = map.entries.get(name)?.value
    return value && !isBlank(value) ? value : undefined
  }
  const text = (name: string, shown = true): { value: string; at: Origin } | undefined => {
    const raw = entryOf(root, name)
    if (!raw)
      return report(
        root.entries.get(name)?.at ?? root.at,
        `"${name}" is missing.`,
        'Have the bridge make its registration anew, or add it.',
      )
    if (raw.kind === 'scalar' && typeof raw.value === 'string' && raw.value !== '')
      return { value: raw.value, at: raw.at }
    return report(
      raw.at,
      `"${name}" must be text${shown && raw.kind === 'scalar' ? `, not ${JSON.stringify(raw.value) ?? 'this'}` : ''}.`,
      'Put it in quotes.',
    )
  }
  const flag = (names: readonly string[]): boolean =>
    names.some((name) => {
      const raw = entryOf(root, name)
      if (!raw) return false
      if (raw.kind === 'scalar' && typeof raw.value === 'boolean') return raw.value
      return report(raw.at, `"${name}" must be true or false.`, 'Write one of the two, without quotes.') ?? false
    })
  const list = (map: RawMap, name: string, path = name): readonly Raw[] => {
    const raw = entryOf(map, name)
    if (!raw) return []
    if (raw.kind === 'list') return raw.items
    return report(raw.at, `"${path}" must be a list.`, 'Begin each entry with "- ", or write [] for none.') ?? []
  }
  return { findings, report, entryOf, text, flag, list }
}

type FileReader = ReturnType<typeof readerOf>

function namespaceOf({ report, entryOf }: FileReader, raw: Raw, path: string): Namespace | undefined {
  if (raw.kind !== 'map')
    return report(
      raw.at,
      `"${path}" must be a block with "regex" and "exclusive".`,
      'Write - regex: … and exclusive: true below each other.',
    )
  const regex = entryOf(raw, 'regex')
  if (regex?.kind !== 'scalar' || typeof regex.value !== 'string')
    return report(
      regex?.at ?? raw.at,
      `"${path}.regex" must be text.`,
      'Name the names that belong to it, such as "@_irc_.*".',
    )
  const exclusive = entryOf(raw, 'exclusive')
  if (exclusive && (exclusive.kind !== 'scalar' || typeof exclusive.value !== 'boolean')) {
    return report(exclusive.at, `"${path}.exclusive" must be true or false.`, 'Write one of the two, without quotes.')
  }
  try {
    return { exclusive: exclusive?.kind === 'scalar' && exclusive.value === true, fits: patternOf(regex.value) }
  } catch (error) {
    if (!(error instanceof PatternError)) throw error
    return report(
      regex.at,
      `"${path}.regex" cannot be used: ${error.message}.`,
      'Write it with letters, . [ ] ( | ) * + ? { } ^ $ and \\ before what stands for itself.',
    )
  }
}

function namespacesOf(reader: FileReader, root: RawMap, kind: 'users' | 'aliases' | 'rooms'): Namespace[] {
  const all = reader.entryOf(root, 'namespaces')
  if (!all) return []
  if (all.kind !== 'map') {
    if (kind === 'users')
      reader.report(
        all.at,
        '"namespaces" must be a block with "users", "aliases" and "rooms".',
        'Indent these below it.',
      )
    return []
  }
  const path = `namespaces.${kind}`
  return reader.list(all, kind, path).flatMap((raw, index) => namespaceOf(reader, raw, `${path}[${index}]`) ?? [])
}

/** Null is a value here: the service is told of nothing. */
function urlOf({ report, entryOf }: FileReader, root: RawMap): string | null {
  const raw = entryOf(root, 'url')
  if (!raw) {
    if (!root.entries.has('url'))
      report(
        root.at,
        '"url" is missing.',
        'Write where the bridge listens, such as http://127.0.0.1:9993, or null where it wants to be told of nothing.',
      )
    return null
  }
  const url = raw.kind === 'scalar' && typeof raw.value === 'string' ? raw.value : undefined
  if (url === '') return null
  const parsed = url === undefined ? null : URL.parse(url)
  if (
    parsed &&
    /^https?:$/.test(parsed.protocol) &&
    !parsed.username &&
    !parsed.password &&
    !parsed.search &&
    !parsed.hash
  )
    return parsed.href.replace(/\/+$/, '')
  report(
    raw.at,
    '"url" must be an address that begins with http:// or https://.',
    'Write where the bridge listens, such as http://127.0.0.1:9993.',
  )
  return null
}

function tokenOf(
  { text, report }: FileReader,
  name: 'as_token' | 'hs_token',
): { value: string; at: Origin } | undefined {
  const token = text(name, false)
  if (!token) return undefined
  if (!/^[\x21-\x7e]+$/.test(token.value))
    return report(
      token.at,
      `"${name}" must be of letters, digits and signs, without blanks.`,
      'Have the bridge make its registration anew.',
    )
  if (token.value.length < shortestToken) {
    report(
      token.at,
      `"${name}" is so short that it can be guessed.`,
      `Make one of at least ${shortestToken} random characters, also in the bridge's configuration.`,
      'warning',
    )
  }
  return token
}

/** Reads a registration file. Without a registration there is an error among the findings; `key` is the setting that names the file. */
export function readRegistration(
  file: string,
  key: string,
  serverName: string,
): { read?: ReadRegistration; findings: readonly Finding[] } {
  const base = dirname(file)
  let content: string
  try {
    content = readFileSync(file, 'utf8')
  } catch (error) {
    return {
      findings: [
        {
          level: 'error',
          key,
          message: `The registration ${file} cannot be read: ${whyUnreadable(error)}.`,
          fix: 'Have the bridge make it, and name it here.',
        },
      ],
    }
  }
  const { root, findings } = readYaml(content, file, base)
  if (!root) return { findings: findings.map((one) => ({ ...one, key })) }
  const reader = readerOf(root, key)
  const [id, asToken, hsToken, sender] = [
    reader.text('id'),
    tokenOf(reader, 'as_token'),
    tokenOf(reader, 'hs_token'),
    reader.text('sender_localpart'),
  ]
  if (sender && !isValidLocalpart(sender.value, serverName)) {
    reader.report(
      sender.at,
      `"sender_localpart" is no user name: "${sender.value}".`,
      'Use a-z, 0-9 and . _ = - / + only.',
    )
  }
  const protocols = reader
    .list(root, 'protocols')
    .flatMap((raw) =>
      raw.kind === 'scalar' && typeof raw.value === 'string'
        ? [raw.value]
        : (reader.report(raw.at, '"protocols" must be a list of names.', 'Put each in quotes.') ?? []),
    )
  const parts = {
    url: urlOf(reader, root),
    users: namespacesOf(reader, root, 'users'),
    aliases: namespacesOf(reader, root, 'aliases'),
    rooms: namespacesOf(reader, root, 'rooms'),
    rateLimited: reader.flag(['rate_limited']),
    protocols,
    encryption: reader.flag(flags.encryption),
    withoutLogin: reader.flag(flags.withoutLogin),
    ephemeralAs: [
      ...(reader.flag(flags.stableEphemeral) ? ['ephemeral'] : []),
      ...(reader.flag(flags.unstableEphemeral) ? ['de.sorunome.msc2409.ephemeral'] : []),
    ],
  }
  const isWrong = reader.findings.some(({ level }) => level === 'error')
  if (isWrong || !id || !asToken || !hsToken || !sender) return { findings: reader.findings }
  return {
    findings: reader.findings,
    read: {
      registration: {
        id: id.value,
        asToken: asToken.value,
        hsToken: hsToken.value,
        senderLocalpart: sender.value,
        ...parts,
      },
      at: { id: id.at, asToken: asToken.at, hsToken: hsToken.at },
    },
  }
}
