import { AndFilter, type Entry, EqualityFilter, type Filter, OrFilter } from 'ldapts'
import type { Claims, Policy } from '../../identity/index.ts'
import {
  type Connection,
  DirectoryError,
  isNoPassword,
  openConnection,
  type Reach,
  type Refused,
} from './connection.ts'
import { binaryAttributes, claimsOf, groupsUnder, subjectOf, subjectValue, textOf } from './entry.ts'
import { escaped, filled, parseFilter } from './escape.ts'
import { canSearch, type LdapConfig } from './settings.ts'

/** Somebody whom a directory knows. */
export interface Person {
  readonly subject: string
  readonly claims: Claims
  readonly dn: string
  /** The server that was asked. */
  readonly url: string
}

/** How somebody is named: by what they type in, or by what their entry is known by for good. */
export type Who = { readonly username: string } | { readonly subject: string }

export type Answer =
  | { readonly person: Person; readonly refused?: never }
  | { readonly refused: Refused; readonly person?: never }

/** A directory that knows people and their passwords. */
export interface Directory {
  /** The provider's id. */
  readonly id: string
  readonly config: LdapConfig
  /** Whether people can be found without their password. */
  readonly searchable: boolean
  /** Whose name and password these are. @throws DirectoryError where that could not be found out */
  verify(who: Who, password: string): Promise<Answer>
  /** Finds somebody without a password, where the directory can be searched. @throws DirectoryError */
  find(who: Who): Promise<Answer>
  /** The subjects of everybody who may come in, where the directory can be searched. @throws DirectoryError */
  everybody(): Promise<ReadonlySet<string>>
}

const longestPassword = 1024
const longestName = 255
/** A server that could not be reached is asked last for this long. */
const avoidMs = 30_000

const refuse = (code: string, reason: string): { refused: Refused } => ({ refused: { code, reason } })
const and = (...filters: Filter[]): Filter => new AndFilter({ filters })

/** The attributes that rules and templates name, and those that are configured. */
const wantedBy = (config: LdapConfig, policy: Policy): string[] => {
  const { rules, localpart = [], fields, admin, groups } = policy
  const paths = [
    ...rules.flatMap((rule) => rule.paths),
    ...[...localpart, ...Object.values(fields).flat()].flatMap((template) => template.paths),
    ...(admin?.paths ?? []),
    ...(groups ? [groups.claim] : []),
  ]
  const made = new Set(['dn', 'groups'])
  return [...new Set([...config.attributes, ...paths.map(([name = '']) => name)])].filter(
    (name) => name !== '' && !made.has(name),
  )
}

/** Opens no connection yet. `now` is in ms. */
export const createDirectory = (config: LdapConfig, policy: Policy, now: () => number): Directory => {
  const reach: Reach = { startTls: config.start_tls, ca: config.ca, timeoutMs: config.timeout }
  const avoided = new Map<string, number>()
  const filter = parseFilter(config.filter)
  const wanted = wantedBy(config, policy)
  const [loginAttribute = 'uid'] = config.login_attributes
  const asked = [
    ...new Set([
      ...wanted,
      config.subject_attribute,
      loginAttribute,
      ...(config.group_base === undefined ? [] : ['memberOf']),
    ]),
  ]

  /** Asks one server after the other, until one answers. */
  const withServer = async <T>(work: (connection: Connection, url: string) => Promise<T>): Promise<T> => {
    const isAvoided = (url: string): number => ((avoided.get(url) ?? 0) > now() ? 1 : 0)
    const urls = [...config.urls].sort((a, b) => isAvoided(a) - isAvoided(b))
    const failures: DirectoryError[] = []
    for (const url of urls) {
      try {
        await using connection = await openConnection(url, reach)
        const done = await work(connection, url)
        avoided.delete(url)
        return done
      } catch (error) {
        if (!(error instanceof DirectoryError)) throw error
        avoided.set(url, now() + avoidMs)
        failures.push(error)
      }
    }
    throw failures.length === 1 && failures[0]
      ? failures[0]
      : new DirectoryError(failures.map(({ message }) => message).join('; '))
  }

  const asService = async (connection: Connection): Promise<void> => {
    if (!canSearch(config)) throw new Error(`The directory ${config.id} cannot be searched`)
    const refused = await connection.bind(config.bind_dn, config.bind_password)
    if (refused)
      throw new DirectoryError(
        `The directory does not take bind_dn and bind_password: ${refused.code} ${refused.reason}`,
      )
  }

  const filterFor = (who: Who): Filter =>
    and(
      filter,
      'subject' in who
        ? new EqualityFilter({
            attribute: config.subject_attribute,
            value: subjectValue(who.subject, config.subject_attribute),
          })
        : new OrFilter({
            filters: config.login_attributes.map((attribute) => new EqualityFilter({ attribute, value: who.username })),
          }),
    )

  /** The entry of somebody; a service is bound. */
  const entryOf = async (
    connection: Connection,
    who: Who,
  ): Promise<{ entry: Entry; refused?: never } | { entry?: never; refused: Refused }> => {
    const found = await connection.search(config.base ?? '', {
      filter: filterFor(who),
      scope: 'sub',
      attributes: asked,
      binary: binaryAttributes,
    })
    const [entry, ...more] = found
    if (!entry) return refuse('not_found', 'Nobody of that name fits the filter')
    return more.length > 0 ? refuse('ambiguous', `${found.length} entries have that name`) : { entry }
  }

  const groupsOf = async (connection: Connection, entry: Entry): Promise<string[] | undefined> => {
    const { group_base: base, group_filter: text, group_attribute: name } = config
    if (base === undefined) return undefined
    if (text === undefined) return groupsUnder(entry, base)
    const values = { dn: entry.dn, username: textOf(entry, loginAttribute) ?? '' }
    const found = await connection.search(base, {
      filter: parseFilter(filled(text, values)),
      scope: 'sub',
      attributes: [name],
    })
    return found.flatMap((group) => textOf(group, name) ?? [])
  }

  const personOf = async (connection: Connection, url: string, entry: Entry): Promise<Answer> => {
    const subject = subjectOf(entry, config.subject_attribute)
    if (subject === undefined)
      return refuse(
        'no_subject',
        `The entry does not have just one ${config.subject_attribute} that can be read here: set subject_attribute`,
      )
    return {
      person: { subject, dn: entry.dn, url, claims: claimsOf(entry, wanted, await groupsOf(connection, entry)) },
    }
  }

  const verifyBySearch = (who: Who, password: string): Promise<Answer> =>
    withServer(async (connection, url) => {
      await asService(connection)
      const found = await entryOf(connection, who)
      // Whoever is not there costs a bind too, so that the time says nothing.
      const refused = await connection.bind(
        found.entry?.dn ?? `cn=${escaped('nobody is called this')},${config.base ?? ''}`,
        password,
      )
      if (!found.entry) return found
      if (refused) return { refused }
      await asService(connection)
      return personOf(connection, url, found.entry)
    })

  const verifyByName = (username: string, password: string): Promise<Answer> =>
    withServer(async (connection, url) => {
      const dn = filled(config.user_dn ?? '', { username })
      const refused = await connection.bind(dn, password)
      if (refused) return { refused }
      if (canSearch(config)) await asService(connection)
      const [entry] = await connection.search(dn, {
        filter,
        scope: 'base',
        attributes: asked,
        binary: binaryAttributes,
      })
      return entry
        ? personOf(connection, url, entry)
        : refuse('not_found', 'The entry does not fit the filter, or cannot be read by its owner')
    })

  return {
    id: config.id,
    config,
    searchable: canSearch(config),
    verify: async (who, password) => {
      if (isNoPassword(password) || password.length > longestPassword)
        return refuse('password_empty', 'A password that is empty, or too long, is not asked about')
      const name = 'username' in who ? who.username : who.subject
      if (name.trim() === '' || name.length > longestName || name.includes('\0') || !name.isWellFormed())
        return refuse('not_found', "This is nobody's name")
      if (config.user_dn !== undefined && 'username' in who) return verifyByName(who.username, password)
      return canSearch(config)
        ? verifyBySearch(who, password)
        : refuse('not_found', 'Without bind_dn and base nobody is found but by user_dn')
    },
    find: (who) =>
      withServer(async (connection, url) => {
        await asService(connection)
        const found = await entryOf(connection, who)
        return found.entry ? personOf(connection, url, found.entry) : found
      }),
    everybody: () =>
      withServer(async (connection) => {
        await asService(connection)
        const found = await connection.search(config.base ?? '', {
          filter,
          scope: 'sub',
          attributes: [config.subject_attribute],
          binary: binaryAttributes,
          paged: true,
        })
        return new Set(found.flatMap((entry) => subjectOf(entry, config.subject_attribute) ?? []))
      }),
  }
}
