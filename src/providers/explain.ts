import {
  type Claims,
  groupsIn,
  type Identity,
  nameFor,
  type Outlook,
  type Policy,
  renderFirst,
  userIdOf,
} from '../identity/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import { deviceOf } from './jwt/device.ts'
import type { JwtProvider } from './jwt/provider.ts'
import type { RefusalCode } from './jwt/refusal.ts'
import type { Step } from './jwt/verify.ts'

/** A check, and what it found. */
export interface ExplainedStep {
  readonly rule: Step['rule'] | 'rule' | 'name' | 'entry' | 'account'
  readonly found: string
}

/** What `latchkey auth explain` shows about a token. */
export interface Explanation {
  /** The provider whose keys and rules the token was held against. */
  provider: string
  accepted: boolean
  /** The key that verified the signature; undefined when none did, or it did not come to that. */
  key: string | undefined
  /** The checks in order; of a refused token the last is the one that failed. */
  steps: ExplainedStep[]
  /** The user that the token signs in; as long as nobody has looked into the database, if nobody has linked its subject to another account. */
  user: string | undefined
  /** Whom the provider means, where it vouches for somebody. */
  identity?: Identity
  /** What would be taken over of the claims. */
  takes: Record<string, string>
  /** What stands in the token, verified or not; empty when it cannot be read. */
  header: Claims
  claims: Claims
  /** One of ours, or that of the refusal which a sign-in would be answered with. */
  code: RefusalCode | 'rule_broken' | 'name_unusable' | 'not_found' | (string & {}) | undefined
  problem: string | undefined
  /** What to do about the problem. */
  fix: string | undefined
}

/** What the verified claims would make of an account. */
const takesOf = (policy: Policy, provider: JwtProvider | undefined, { claims }: Identity): Record<string, string> => {
  const shown = (name: string, text: string | undefined): [string, string][] =>
    text === undefined ? [] : [[name, text]]
  const rooms = policy.groups
    ? groupsIn(policy.groups, claims).map(
        ({ group, room, power }) => `${room} (${group}${power === undefined ? '' : `, power ${power}`})`,
      )
    : []
  const device = provider?.bearer
    ? (deviceOf(provider, claims) ?? 'none: the token has neither "sid" nor "jti"')
    : undefined
  return Object.fromEntries([
    ...(['display_name', 'avatar', 'email'] as const).flatMap((field) =>
      shown(field, renderFirst(policy.fields[field], claims)),
    ),
    ...shown('admin', policy.admin && (policy.admin.holds(claims) ? 'yes' : 'no')),
    ...shown('rooms', rooms.length > 0 ? rooms.join(', ') : undefined),
    ...shown('device', device),
  ])
}

const nameOf = (policy: Policy, identity: Identity, serverName: string): { userId: string } | { problem: string } => {
  try {
    return { userId: userIdOf(nameFor(policy, identity), serverName) }
  } catch (error) {
    if (error instanceof MatrixError) return { problem: error.message }
    throw error
  }
}

/** Somebody whom a provider vouches for, and how that was found out. */
export interface Vouched {
  readonly identity: Identity
  readonly steps: readonly ExplainedStep[]
  readonly key: string | undefined
  /** Whose token it was; undefined: it was none. */
  readonly provider?: JwtProvider | undefined
}

/** What becomes of somebody whom a provider vouches for. */
export const explainIdentity = (
  base: Pick<Explanation, 'provider' | 'header' | 'claims'>,
  policy: Policy,
  { identity, steps: before, key, provider }: Vouched,
  serverName: string,
): Explanation => {
  const broken = policy.rules.find((rule) => !rule.holds(identity.claims))
  const held = broken ? policy.rules.slice(0, policy.rules.indexOf(broken)) : policy.rules
  const steps: ExplainedStep[] = [...before, ...held.map(({ text }) => ({ rule: 'rule' as const, found: text }))]
  const refused = { ...base, accepted: false, key, user: undefined, takes: {} }
  if (broken) {
    const problem = `The rule "${broken.text}" does not hold`
    return {
      ...refused,
      steps: [...steps, { rule: 'rule', found: problem }],
      code: 'rule_broken',
      problem,
      fix: 'Give the user what the rule asks for at the identity provider, or change rules in the configuration',
    }
  }
  const named = nameOf(policy, identity, serverName)
  if ('problem' in named) {
    return {
      ...refused,
      steps: [...steps, { rule: 'name', found: named.problem }],
      code: 'name_unusable',
      problem: named.problem,
      fix: 'Have the issuer name the user otherwise, or set mapping.localpart (or subject_claim) in the configuration to claims that make a name',
    }
  }
  const takes = takesOf(policy, provider, identity)
  return {
    ...refused,
    accepted: true,
    steps: [...steps, { rule: 'name', found: named.userId }],
    user: named.userId,
    identity,
    takes,
    code: undefined,
    problem: undefined,
    fix: undefined,
  }
}

const accounts = {
  linked: 'The one that this subject is linked to',
  made: 'A new one is made',
  adopted: 'It is there already, and is linked to this subject',
  'handed over': 'It was made for trying out: it is handed over, and its sessions end',
} as const

const cures: Readonly<Record<string, string>> = {
  no_account: 'Make the account and link it: latchkey user create, latchkey user link; or set registration: true',
  M_USER_DEACTIVATED: 'The account was closed, which is for good: have the issuer name another subject',
  M_USER_LOCKED: 'Unlock the account in the console of administrators',
  M_EXCLUSIVE: 'The name is kept for an application service: set mapping.localpart to claims that make another',
}

/** The same once it was seen what becomes of whom it is in the database of the server. */
export const withOutlook = (explanation: Explanation, outlook: Outlook): Explanation => {
  const { steps, takes } = explanation
  if (outlook.lets === 'out') {
    const { code, problem, hint } = outlook
    const refused = { accepted: false, user: undefined, takes: {}, code, problem, fix: hint ?? cures[code] }
    return { ...explanation, ...refused, steps: [...steps, { rule: 'account', found: problem }] }
  }
  const isField = (key: string): boolean => ['display_name', 'avatar', 'email'].includes(key)
  const due: readonly string[] = outlook.takes
  return {
    ...explanation,
    user: outlook.user,
    steps: [...steps, { rule: 'account', found: `${outlook.user}. ${accounts[outlook.how]}` }],
    takes: Object.fromEntries(Object.entries(takes).filter(([key]) => !isField(key) || due.includes(key))),
  }
}
