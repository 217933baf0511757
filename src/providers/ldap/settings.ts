import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Config, Finding } from '../../config/index.ts'
import { error, warning } from '../../config/findings.ts'
import { filled, parseFilter } from './escape.ts'

/** An entry of `identity_providers` of type `ldap`. */
export type LdapConfig = Extract<Config['identity_providers'][number], { type: 'ldap' }>

/** Whether the directory can be searched by a service of its own: for people by what they type in, and for entries that are gone. */
export const canSearch = (
  config: LdapConfig,
): config is LdapConfig & { bind_dn: string; bind_password: string; base: string } =>
  config.bind_dn !== undefined && config.bind_password !== undefined && config.base !== undefined

const isFilter = (text: string): boolean => {
  try {
    parseFilter(filled(text, { dn: 'cn=somebody', username: 'somebody' }))
    return true
  } catch {
    return false
  }
}

const isCertificate = (text: string): boolean => {
  try {
    return new X509Certificate(text).subject !== ''
  } catch {
    return false
  }
}

const isHere = (url: string): boolean => {
  const host = new URL(url).hostname.replace(/^\[(.*)\]$/, '$1')
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'))
}

const ofConnection = (config: LdapConfig, path: string): Finding[] => [
  ...(!config.start_tls && config.urls.some((url) => url.startsWith('ldap:') && !isHere(url))
    ? [
        warning(
          `${path}.start_tls`,
          'Connections to ldap:// are not encrypted: whoever is on the way reads every password',
          'Use ldaps://, or take start_tls out',
        ),
      ]
    : []),
  ...(config.ca ?? []).flatMap((text, index) =>
    isCertificate(text)
      ? []
      : [
          error(
            `${path}.ca[${index}]`,
            'This is no certificate',
            'Name a PEM file, which begins with -----BEGIN CERTIFICATE-----',
          ),
        ],
  ),
]

const ofService = (config: LdapConfig, path: string): Finding[] => [
  ...(config.bind_dn !== undefined && config.bind_password === undefined
    ? [
        error(
          `${path}.bind_password`,
          'The service has no password: the directory would take it for nobody',
          'Set bind_password or bind_password_file',
        ),
      ]
    : []),
  ...(config.bind_dn === undefined && config.bind_password !== undefined
    ? [error(`${path}.bind_dn`, 'There is a password for a service, and no name', 'Set bind_dn')]
    : []),
  ...(config.user_dn === undefined && (config.bind_dn === undefined || config.base === undefined)
    ? [
        error(
          path,
          'Nothing says how an entry is found',
          'Set user_dn where all are in one place; else bind_dn, bind_password and base, to search for it',
        ),
      ]
    : []),
  ...(config.user_dn !== undefined && !canSearch(config) && config.when_gone !== 'keep'
    ? [
        warning(
          `${path}.when_gone`,
          'Without bind_dn, bind_password and base nobody is locked whose entry goes',
          'Set them, or write when_gone: keep',
        ),
      ]
    : []),
]

const ofFilters = (config: LdapConfig, path: string): Finding[] => [
  ...(['filter', 'group_filter'] as const)
    .filter((key) => config[key] !== undefined && !isFilter(config[key]))
    .map((key) =>
      error(
        `${path}.${key}`,
        'This is no filter',
        'Write it as RFC 4515 says, with a backslash and two hexadecimal digits for a parenthesis in a value',
      ),
    ),
  ...(config.filter.includes('{username}')
    ? [
        error(
          `${path}.filter`,
          'What people type in is not part of the filter',
          'Name the attributes that it is looked for in under login_attributes',
        ),
      ]
    : []),
  ...(config.group_filter !== undefined && !/\{(dn|username)\}/.test(config.group_filter)
    ? [
        error(
          `${path}.group_filter`,
          'This finds the same groups for everybody',
          'Write {dn} or {username} where somebody stands, as in (member={dn})',
        ),
      ]
    : []),
  ...(config.group_filter !== undefined && config.group_base === undefined
    ? [error(`${path}.group_base`, 'Groups are to be searched for, and nothing says where', 'Set group_base')]
    : []),
  ...(config.groups.rooms.length > 0 && config.groups.claim === 'groups' && config.group_base === undefined
    ? [
        error(
          `${path}.group_base`,
          'Groups have rooms, and nothing says which groups there are',
          'Set group_base, or groups.claim: memberOf with whole names for groups',
        ),
      ]
    : []),
]

/** What `config check` and the start say about directories. */
export const ldapChecks = ({ identity_providers: entries }: Pick<Config, 'identity_providers'>): Finding[] =>
  entries.flatMap((entry, index) => {
    const path = `identity_providers[${index}]`
    return entry.type === 'ldap'
      ? [...ofConnection(entry, path), ...ofService(entry, path), ...ofFilters(entry, path)]
      : []
  })
