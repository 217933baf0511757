import type { Config, Finding } from '../config/index.ts'
import {
  claimTemplate,
  LanguageError,
  parsePath,
  parseRule,
  parseTemplate,
  type Path,
  type Rule,
  type Template,
} from './claims/index.ts'
import { error } from '../config/findings.ts'

/** What a provider may say of somebody that is kept here. */
export type Field = 'display_name' | 'avatar' | 'email'

/** A group of the provider that is a room or space here. */
export interface GroupRoom {
  readonly group: string
  /** Alias or id. */
  readonly room: string
  /** Undefined: the power that everybody has. */
  readonly power: number | undefined
  /** Whether who is not in the group any more is put out. */
  readonly leave: boolean
}

/** What the operator has settled about the people of one provider. */
export interface Policy {
  /** The provider's id. */
  readonly id: string
  /** What people know the provider by. */
  readonly name: string
  /** The provider's id under which links are kept: its own, or that of another provider with the same people. */
  readonly people: string
  /** Each has to hold. */
  readonly rules: readonly Rule[]
  /** What a new account is called; undefined: the subject. */
  readonly localpart: readonly Template[] | undefined
  /** Whether subjects that differ in letter case only are one person. */
  readonly caseless: boolean
  readonly fields: Readonly<Record<Field, readonly Template[]>>
  /** Whether fields are taken at every sign-in, until people choose their own, or only when the account is made. */
  readonly refresh: 'always' | 'unless_changed' | 'first'
  /** What people cannot change here. It is taken at every sign-in. */
  readonly locked: ReadonlySet<Field>
  /** Who is an administrator; undefined: the provider does not say. */
  readonly admin: Rule | undefined
  readonly groups: { readonly claim: Path; readonly rooms: readonly GroupRoom[] } | undefined
  /** Who says what groups somebody is in: whoever vouches for them at a sign-in, or the provider by SCIM, whenever it changes. */
  readonly groupsBy: 'claims' | 'scim'
  /** Whether people without an account get one. */
  readonly registration: boolean
  /**
   * What happens when the name is taken by an account that is not linked: it is refused, or linked after proof of both sides, or
   * simply taken for the subject's own, as the drop-in block promises.
   */
  readonly taken: 'refuse' | 'link' | 'adopt'
  /** Whether a session ends when what the provider gave runs out. */
  readonly capped: boolean
}

type Entry = Config['identity_providers'][number]

/** The policy of the drop-in block: an account of the subject's name is the subject's, and nothing more is settled. */
export const dropInPolicy = (id: string, displayNameClaim: string | undefined): Policy => ({
  id,
  name: id,
  people: id,
  rules: [],
  localpart: undefined,
  caseless: true,
  refresh: 'unless_changed',
  locked: new Set(),
  admin: undefined,
  groups: undefined,
  fields: {
    display_name: displayNameClaim === undefined ? [] : [claimTemplate(displayNameClaim)],
    avatar: [],
    email: [],
  },
  groupsBy: 'claims',
  registration: true,
  taken: 'adopt',
  capped: false,
})

/**
 * The policy of an entry of `identity_providers`, of whatever type.
 * @param path of the entry in the configuration, such as `identity_providers[0]`
 */
export const policyOf = (entry: Entry, path: string): { policy: Policy; findings: Finding[] } => {
  const findings: Finding[] = []
  const read = <T>(key: string, what: string, text: string, parse: (text: string) => T): T[] => {
    try {
      return [parse(text)]
    } catch (fault) {
      if (!(fault instanceof LanguageError)) throw fault
      findings.push(
        error(
          `${path}.${key}`,
          `The ${what} ${JSON.stringify(text)} cannot be read: ${fault.message}`,
          'docs/topics/identities.md shows how it is written',
        ),
      )
      return []
    }
  }
  const each = <T>(key: string, what: string, texts: readonly string[] | undefined, parse: (text: string) => T): T[] =>
    (texts ?? []).flatMap((text, index) => read(`${key}[${index}]`, what, text, parse))
  const templates = (key: keyof Entry['mapping'] & ('localpart' | Field)): Template[] =>
    each(`mapping.${key}`, 'template', entry.mapping[key], parseTemplate)
  const [claim] = read('groups.claim', 'claim', entry.groups.claim, parsePath)
  const rooms = entry.groups.rooms.map(({ group, room, power_level: power, leave }): GroupRoom => ({
    group,
    room,
    power,
    leave,
  }))
  const fields = { display_name: templates('display_name'), avatar: templates('avatar'), email: templates('email') }
  for (const field of entry.mapping.locked) {
    if (entry.mapping[field] !== undefined) continue
    findings.push(
      error(
        `${path}.mapping.locked`,
        `"${field}" is locked to the provider, and no template says what it is`,
        `Add mapping.${field}, or take it out of the list`,
      ),
    )
  }
  const policy: Policy = {
    id: entry.id,
    name: entry.name ?? entry.id,
    people: entry.same_people_as ?? entry.id,
    rules: each('rules', 'rule', entry.rules, parseRule),
    localpart: entry.mapping.localpart && templates('localpart'),
    caseless: entry.type === 'jwt' && entry.mapping.localpart === undefined,
    fields,
    refresh: entry.mapping.refresh,
    locked: new Set(entry.mapping.locked),
    admin: entry.admin === undefined ? undefined : read('admin', 'rule', entry.admin, parseRule)[0],
    groups: claim && rooms.length > 0 ? { claim, rooms } : undefined,
    groupsBy: entry.scim.token !== undefined && entry.scim.groups ? 'scim' : 'claims',
    registration: entry.registration,
    taken: entry.taken,
    capped: entry.session_until === 'token_expiry',
  }
  return { policy, findings }
}
