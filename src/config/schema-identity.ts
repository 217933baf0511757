import type { Keys } from './setting.ts'

const template = (what: string) => ({ kind: 'text', description: what }) as const

/** What names a provider, before the settings of its type. */
export const providerKeys = {
  id: {
    kind: 'text',
    description: 'A short name that never changes: accounts are linked to it.',
    required: true,
    expected: '1 to 64 lower-case letters, digits, "-" and "_"',
    parse: (text: string) => (/^[a-z0-9_-]{1,64}$/.test(text) ? text : undefined),
    example: 'backend',
  },
  name: {
    kind: 'text',
    description: 'What people know it by, on buttons and pages; without it they see the id.',
    example: 'Example Account',
  },
} as const satisfies Keys

/** @param how what the provider is asked with */
export const sessionCheck = (how: string) =>
  ({
    kind: 'duration',
    description:
      `How old the provider's word may be that somebody's session there still stands, before it is asked again ` +
      `while the session here is in use: whoever is disabled or signed out there is out here that soon. ${how}` +
      ' While the provider does not answer, sessions go on. With "off" it is not asked.',
    off: true,
    default: 'off',
    example: '4s',
  }) as const

/** How clients show a provider that people are sent to with their browser. */
export const buttonKeys = {
  icon: {
    kind: 'text',
    description: 'A picture for clients to show on the button: the mxc:// address of an uploaded file.',
    parse: (text: string) => (/^mxc:\/\/[^/\s]+\/[A-Za-z0-9_-]+$/.test(text) ? text : undefined),
    expected: 'an mxc:// address',
    example: 'mxc://example.org/abcdef',
  },
  brand: {
    kind: 'text',
    description:
      'Lets clients style the button: "apple", "facebook", "github", "gitlab", "google" or "twitter", or a name of your own.',
    parse: (text: string) => (/^[a-z][a-z0-9._-]{0,254}$/.test(text) ? text : undefined),
    expected: 'lower-case letters, digits and ". _ -", such as google',
    example: 'google',
  },
} as const satisfies Keys

const mapping = {
  localpart: {
    kind: 'list',
    description:
      'The part of the Matrix ID before the colon, for new accounts. The subject, unless set. Characters that a Matrix ID cannot have are escaped.',
    of: template('A template.'),
    min: 1,
    example: ['{preferred_username}'],
  },
  display_name: {
    kind: 'list',
    description: 'What others see.',
    of: template('A template.'),
    min: 1,
    default: ['{name}'],
    example: ['{name}', '{given_name} {family_name}'],
  },
  avatar: {
    kind: 'list',
    description:
      'The address of a picture (https:), which is fetched and kept here, or one that is here already (mxc:).',
    of: template('A template.'),
    min: 1,
    example: ['{picture}'],
  },
  email: {
    kind: 'list',
    description: 'The mail address. It counts as proven: name a claim that the provider has verified.',
    of: template('A template.'),
    min: 1,
    example: ['{email}'],
  },
  refresh: {
    kind: 'choice',
    description:
      'When display name, avatar and mail address are taken from the provider: at every sign-in until people choose a name or picture of' +
      ' their own here (unless_changed), at every sign-in whatever they chose (always), or only when the account is made (first).',
    values: ['unless_changed', 'always', 'first'],
    default: 'unless_changed',
  },
  locked: {
    kind: 'list',
    description:
      'What people cannot change here: it comes from the provider at every sign-in, whatever "refresh" says.',
    of: { kind: 'choice', description: 'A field.', values: ['display_name', 'avatar', 'email'] },
    default: [],
    example: ['display_name'],
  },
} as const satisfies Keys

const groupRoom = {
  group: {
    kind: 'text',
    description: 'The name of the group, exactly as the claim has it.',
    required: true,
    example: 'staff',
  },
  room: {
    kind: 'text',
    description:
      'A room or space of this server, by alias or id. Whoever is in it with the power to invite, to remove people and to give power does' +
      ' so for the group; an administrator of this server should be.',
    required: true,
    parse: (text: string) => (/^[#!][^\s]{1,254}$/.test(text) ? text : undefined),
    expected: 'the alias or id of a room, such as #staff:example.org',
    example: '#staff:example.org',
  },
  power_level: {
    kind: 'number',
    description: 'The power that members of the group have in the room. Of several groups the highest counts.',
    min: -100,
    max: 99,
    whole: true,
    example: 50,
  },
  leave: {
    kind: 'boolean',
    description: 'Whether somebody who is not in the group any more is put out of the room, and loses the power.',
    default: true,
  },
} as const satisfies Keys

const scim = {
  token: {
    kind: 'list',
    description:
      'What the provider shows that it is the provider: at least 32 random characters. Without it there is no SCIM. While one is being' +
      ' replaced, both may stand here.',
    of: { kind: 'text', description: 'A token.' },
    secret: true,
    min: 1,
    example: ['change-me-to-at-least-32-random-characters'],
  },
  subject: {
    kind: 'list',
    description:
      'What somebody is called by the provider when they sign in, as a template of what SCIM says of them. It makes an account that SCIM has' +
      ' made that of whoever signs in.',
    of: template('A template.'),
    min: 1,
    default: ['{externalId}', '{userName}'],
    example: ['{externalId}'],
  },
  inactive: {
    kind: 'choice',
    description:
      'What becomes of somebody who is not active any more: "lock" is undone when they are active again, "deactivate" is for good.',
    values: ['lock', 'deactivate'],
    default: 'lock',
  },
  deleted: {
    kind: 'choice',
    description:
      'What becomes of somebody whom the provider deletes. With "lock" they come back if the provider makes them again.',
    values: ['lock', 'deactivate'],
    default: 'deactivate',
  },
  groups: {
    kind: 'boolean',
    description:
      "Whether somebody's groups are those that SCIM says, by name or externalId. With false they are those of the claims.",
    default: true,
  },
} as const satisfies Keys

/** What every type of provider has in common: who may come in, what they are called, and what becomes of them. */
export const peopleKeys = {
  rules: {
    kind: 'list',
    description:
      'What must hold of the claims for somebody to come in, every one of them: PATH contains VALUE, PATH equals VALUE, PATH in [VALUE, VALUE],' +
      ' PATH matches GLOB, PATH exists, joined by "and", "or", "not" and parentheses.',
    of: { kind: 'text', description: 'A rule.' },
    default: [],
    example: ['realm_access.roles contains chat', 'email_verified equals true'],
  },
  mapping: {
    kind: 'group',
    description:
      'What the claims make of somebody, by templates: {name} is a claim, {realm.name} a nested one, {email|before @|lower} one with filters' +
      ' (lower, upper, trim, before, after, replace, first, join, default). Of several templates the first counts that has all its claims.',
    keys: mapping,
  },
  admin: {
    kind: 'text',
    description:
      'Who is an administrator of this server: a rule, as under "rules". It is asked at every sign-in, and takes the right away too.',
    example: 'realm_access.roles contains matrix-admin',
  },
  groups: {
    kind: 'group',
    description: 'Groups of the provider that are rooms and spaces here.',
    keys: {
      claim: { kind: 'text', description: "The claim with the list of somebody's groups.", default: 'groups' },
      rooms: {
        kind: 'list',
        description: 'Which group is where.',
        of: { kind: 'group', description: 'A group and its room.', keys: groupRoom },
        default: [],
        example: [{ group: 'staff', room: '#staff:example.org', power_level: 50 }],
      },
    },
  },
  scim: {
    kind: 'group',
    description:
      'The provider makes, renames and ends accounts here by itself (SCIM 2.0), at PUBLIC_BASE_URL/_latchkey/scim/v2/ID.',
    keys: scim,
  },
  registration: {
    kind: 'boolean',
    description:
      'Whether somebody without an account gets one. With false an administrator makes accounts, and links them ("latchkey user link").',
    default: true,
  },
  taken: {
    kind: 'choice',
    description:
      'What happens when the name is that of an account which is not linked: "refuse" leaves it to its owner, "link" links it once its owner' +
      ' has proven to be the same person, by the password or another way in.',
    values: ['refuse', 'link'],
    default: 'refuse',
  },
  same_people_as: {
    kind: 'text',
    description:
      'The id of another provider that calls the same people by the same subjects: whoever comes by either has one account. For one' +
      ' identity provider that is configured in two ways.',
    example: 'keycloak',
  },
  session_until: {
    kind: 'choice',
    description:
      'When a session ends by itself: "sign_out" is never, "token_expiry" is when what the provider gave runs ' +
      'out: the token (jwt), or its session, where it says when that ends (saml). The client then has to bring' +
      ' a new one; its keys stay.',
    values: ['sign_out', 'token_expiry'],
    default: 'sign_out',
  },
} as const satisfies Keys
