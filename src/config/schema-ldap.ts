import { peopleKeys, providerKeys } from './schema-identity.ts'
import type { Keys } from './setting.ts'

const attribute = (text: string): string | undefined =>
  /^[A-Za-z][A-Za-z0-9-]{0,127}$|^\d+(\.\d+)+$/.test(text) ? text : undefined
const filter = (text: string): string | undefined => (/^\([\s\S]+\)$/.test(text.trim()) ? text.trim() : undefined)
const filterForm = 'a filter in parentheses, such as (objectClass=person)'
const dn = (text: string): string | undefined => (text.includes('=') ? text : undefined)
const dnForm = 'the name (DN) of an entry, such as ou=people,dc=example,dc=org'
const template = (description: string) => ({ kind: 'text', description }) as const

const connection = {
  urls: {
    kind: 'list',
    description:
      'Where the directory is: ldaps://host, or ldap://host, with a port where it is not 636 or 389. Several are tried in their order.',
    of: {
      kind: 'text',
      description: 'An address.',
      parse: (text) =>
        /^ldaps?:\/\/[^/\s?#@]+\/?$/.test(text) && URL.canParse(text) ? text.replace(/\/$/, '') : undefined,
      expected: 'an address such as ldaps://ldap.example.org',
      fix: (text) => (text.startsWith('ldapi:') ? 'Sockets are not supported: name a host.' : undefined),
    },
    required: true,
    min: 1,
    example: ['ldaps://ldap.example.org'],
  },
  start_tls: {
    kind: 'boolean',
    description:
      'Whether a connection to ldap:// is encrypted (StartTLS) before anything else is said. Without it passwords travel in the clear.',
    default: true,
  },
  ca: {
    kind: 'list',
    description: 'The certificate authorities (PEM) that vouch for the directory, in place of those of the system.',
    of: template('A certificate.'),
    min: 1,
    secret: true,
  },
  timeout: {
    kind: 'duration',
    description: 'How long one address may take to answer, each time it is asked something.',
    default: '5s',
  },
} as const satisfies Keys

const lookup = {
  user_dn: {
    kind: 'text',
    description:
      "The name (DN) of somebody's entry, with {username} for what they type in: where all are in one place, nothing has to be searched for." +
      ' Without it the entry is searched for below base.',
    parse: (text) => (dn(text)?.includes('{username}') ? text : undefined),
    expected: 'a name (DN) with {username} in it, such as uid={username},ou=people,dc=example,dc=org',
    example: 'uid={username},ou=people,dc=example,dc=org',
  },
  bind_dn: {
    kind: 'text',
    description: 'The entry of a service that may search the directory. Without it nobody is locked whose entry goes.',
    parse: (text) => (/[=@\\]/.test(text) ? text : undefined),
    expected: 'the name (DN) of an entry, such as cn=latchkey,ou=services,dc=example,dc=org',
    example: 'cn=latchkey,ou=services,dc=example,dc=org',
  },
  bind_password: { kind: 'text', description: 'Its password.', secret: true, example: 'change-me' },
  base: {
    kind: 'text',
    description: 'Where people are.',
    parse: dn,
    expected: dnForm,
    example: 'ou=people,dc=example,dc=org',
  },
  filter: {
    kind: 'text',
    description: 'What an entry must be for its owner to come in.',
    parse: filter,
    expected: filterForm,
    default: '(objectClass=person)',
    example: '(&(objectClass=person)(memberOf=cn=chat,ou=groups,dc=example,dc=org))',
  },
  login_attributes: {
    kind: 'list',
    description: 'What people type in is looked for in these. Who is found by two entries does not come in.',
    of: {
      kind: 'text',
      description: 'An attribute.',
      parse: attribute,
      expected: 'the name of an attribute, such as uid',
    },
    min: 1,
    default: ['uid'],
    example: ['uid', 'mail'],
  },
  subject_attribute: {
    kind: 'text',
    description:
      'What an entry is known by for good, whatever its owner is called: accounts are linked to it. objectGUID with Active Directory.',
    parse: attribute,
    expected: 'the name of an attribute, such as entryUUID',
    default: 'entryUUID',
    example: 'objectGUID',
  },
  attributes: {
    kind: 'list',
    description: 'Attributes that rules and templates see. Those that they name are read in any case.',
    of: {
      kind: 'text',
      description: 'An attribute.',
      parse: attribute,
      expected: 'the name of an attribute, such as mail',
    },
    default: [],
    example: ['title'],
  },
} as const satisfies Keys

const groups = {
  group_base: {
    kind: 'text',
    description:
      'Where groups are. The claim "groups" then has the names of those of somebody\'s groups (memberOf) that are below it.',
    parse: dn,
    expected: dnForm,
    example: 'ou=groups,dc=example,dc=org',
  },
  group_filter: {
    kind: 'text',
    description:
      "Finds somebody's groups below group_base, where entries have no memberOf. {dn} is their entry, {username} the first of login_attributes.",
    parse: filter,
    expected: 'a filter with {dn} or {username} in it, such as (member={dn})',
    example: '(member={dn})',
  },
  group_attribute: {
    kind: 'text',
    description: 'What a group that was found is called.',
    parse: attribute,
    expected: 'the name of an attribute, such as cn',
    default: 'cn',
  },
} as const satisfies Keys

const poll = {
  when_gone: {
    kind: 'choice',
    description:
      'What becomes of an account whose entry is gone, or does not fit the filter any more. "lock" is undone when the entry comes back,' +
      ' "deactivate" is for good, "keep" does nothing.',
    values: ['keep', 'lock', 'deactivate'],
    default: 'lock',
  },
  poll_interval: {
    kind: 'duration',
    description: 'How often that is looked for.',
    default: '5m',
  },
  most_gone: {
    kind: 'number',
    description:
      'If more than this many of a hundred linked accounts (and more than five) would go at once, none does, and the log says so: the' +
      ' directory may be at fault.',
    min: 0,
    max: 100,
    whole: true,
    default: 20,
  },
} as const satisfies Keys

const { mapping } = peopleKeys
const people = {
  ...peopleKeys,
  mapping: {
    ...mapping,
    keys: {
      ...mapping.keys,
      localpart: { ...mapping.keys.localpart, default: ['{uid|first}', '{sAMAccountName|first}'] },
      display_name: { ...mapping.keys.display_name, default: ['{displayName|first}', '{cn|first}'] },
      email: { ...mapping.keys.email, example: ['{mail|first}'] },
    },
  },
} as const satisfies Keys

/** A directory that checks people's passwords. */
export const ldapProvider = {
  ...providerKeys,
  ...connection,
  ...lookup,
  ...groups,
  ...poll,
  ...people,
} as const satisfies Keys
