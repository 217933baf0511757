import type { Config } from '../config/index.ts'
import { MatrixError } from '../matrix/errors.ts'
import { own } from '../matrix/json.ts'
import type { Claims } from '../identity/index.ts'
import { renderFirst } from '../identity/index.ts'
import { groupsIn, type Identity, nameFor, type Policy, userIdOf } from '../identity/index.ts'
import { deviceOf, type JwtProvider, type Keyring, peek, type RefusalCode, type Step } from './jwt/index.ts'

/** A check, and what it found. */
export interface ExplainedStep {
  readonly rule: Step['rule'] | 'rule' | 'name' | 'entry'
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
  /** The user that the token signs in, if nobody has linked its subject to another account. */
  user: string | undefined
  /** What would be taken over of the claims. */
  takes: Record<string, string>
  /** What stands in the token, verified or not; empty when it cannot be read. */
  header: Claims
  claims: Claims
  code: RefusalCode | 'rule_broken' | 'name_unusable' | 'not_found' | undefined
  problem: string | undefined
  /** What to do about the problem. */
  fix: string | undefined
}

const form = 'Copy the whole token: three parts of letters, digits, "-" and "_", parted by dots'
const settings = 'Compare the algorithm that the issuer signs with and the one in the configuration'
const clock = 'Compare the clocks of both machines; a difference within the leeway is allowed'

const fixes: Record<RefusalCode, string> = {
  token_missing: form,
  token_not_a_string: form,
  token_too_large: 'Put fewer claims into the token: 16 KiB is the most',
  token_malformed: form,
  token_encrypted: 'Have the issuer sign the token only (JWS), not encrypt it',
  alg_missing: 'Have the issuer name the algorithm in the header ("alg")',
  alg_none: 'Have the issuer sign its tokens: an unsigned one is never accepted',
  alg_not_allowed: settings,
  crit_unknown: 'Have the issuer leave "crit" out of the header',
  kid_unknown: 'Give the server the key set that the issuer signs with now, or leave "kid" out of the configured key',
  key_unsuitable: settings,
  signature_wrong:
    'The token was signed with another key than the configured one: compare them, including line breaks and blanks at the end of a secret',
  claim_malformed:
    'Have the issuer write the claim as RFC 7519 says: times are numbers of seconds since 1970, names are strings',
  expired: 'Get a new token from the issuer',
  not_yet_valid: clock,
  issued_in_the_future: clock,
  expiry_missing: 'Have the issuer put "exp" into its tokens',
  issuer_missing: 'Have the issuer put "iss" into its tokens, or remove issuer from the configuration',
  issuer_wrong: 'Set issuer in the configuration to exactly what "iss" says, if that issuer is the right one',
  audience_missing: 'Have the issuer put "aud" into its tokens, or remove audiences from the configuration',
  audience_wrong: 'Add the audience to audiences in the configuration, if the token was made for this server',
  audience_unexpected: 'Name the audience under audiences in the configuration, if the token was made for this server',
  subject_missing: "Have the issuer put the user's name there, or name another claim as subject_claim",
  keys_unavailable:
    'See that this machine reaches the issuer: the log of the server, or jwks_uri with curl, says what stands in the way',
  issued_missing: 'Have the issuer put "iat" into its tokens, or take max_age out of the configuration',
  too_old:
    'Get a new token from the issuer, and use it right away; max_age in the configuration says how long it may be kept',
  party_missing: 'Have the issuer put "azp" into its tokens, or take authorized_parties out of the configuration',
  party_wrong: 'Add the application to authorized_parties in the configuration, if its users may come in here',
  type_wrong: 'Send the kind of token that token_types in the configuration names, or add this kind',
  jti_missing: 'Have the issuer give every token a "jti" of its own, or take one_time out of the configuration',
  subject_malformed: "Have the issuer write the user's name as a string, or name another claim as subject_claim",
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
    takes,
    code: undefined,
    problem: undefined,
    fix: undefined,
  }
}

/** What explaining takes: whose tokens are taken, what is settled about people, and who else is configured. */
export interface ExplainDeps {
  readonly keyring: Keyring
  readonly policies: ReadonlyMap<string, Policy>
  readonly serverName: string
  /** The entries of `identity_providers`. */
  readonly entries: Config['identity_providers']
}

/** What to do about a token of a provider whose people come in by another way. */
const otherWay = (entries: ExplainDeps['entries'], claims: Claims): { provider: string; fix: string } | undefined => {
  const issuer = own(claims, 'iss')
  const entry = entries.find((one) => one.type !== 'jwt' && 'issuer' in one && one.issuer === issuer)
  return (
    entry && {
      provider: entry.id,
      fix:
        `People of "${entry.id}" come in through the browser (type ${entry.type}). To take its ` +
        `tokens too, add an entry of type jwt with the same issuer and same_people_as: ${entry.id}`,
    }
  )
}

/** What people take for a token of a provider, and is something else. */
const strangers: readonly { looks: RegExp; problem: string; fix: string }[] = [
  {
    looks: /^lk[arl]_/,
    problem: 'It is a token that this server has given out, and not one of a provider',
    fix: 'Name the token that your backend or identity provider has signed. Whose session this one is says GET /_matrix/client/v3/account/whoami',
  },
  {
    looks: /^[SP]T-/,
    problem: 'It is a ticket of CAS, which CAS alone can read, and once',
    fix: 'Go through the browser, and look up the reference on the page in the log',
  },
]

/**
 * Holds a token against its provider and says in plain words what became of it; undefined where no provider is configured.
 * Changes nothing and asks no database: whether an account is there, and whose it is, is not looked at.
 */
export const explainToken = async (
  { keyring, policies, serverName, entries }: ExplainDeps,
  token: string,
): Promise<Explanation | undefined> => {
  const { header, claims } = peek(token)
  const stranger = strangers.find(({ looks }) => looks.test(token))
  if (stranger) {
    const { problem, fix } = stranger
    return {
      provider: 'none',
      header,
      claims,
      accepted: false,
      key: undefined,
      steps: [{ rule: 'form', found: problem }],
      user: undefined,
      takes: {},
      code: 'token_malformed',
      problem,
      fix,
    }
  }
  const verified = await keyring.verify(token)
  const other = verified?.ok ? undefined : otherWay(entries, claims)
  if (other) {
    const problem = `It is a token of "${other.provider}", which is not configured to sign people in by token`
    return {
      ...other,
      header,
      claims,
      accepted: false,
      key: undefined,
      steps: [{ rule: 'issuer', found: problem }],
      user: undefined,
      takes: {},
      code: 'issuer_wrong',
      problem,
    }
  }
  if (!verified) return undefined
  const base = { provider: verified.provider, header, claims }
  if (!verified.ok) {
    return {
      ...base,
      accepted: false,
      key: undefined,
      steps: verified.steps,
      user: undefined,
      takes: {},
      code: verified.code,
      problem: verified.reason,
      fix: fixes[verified.code],
    }
  }
  const policy = policies.get(verified.provider)
  if (!policy) throw new Error(`There is no identity provider "${verified.provider}"`)
  const identity: Identity = { provider: verified.provider, subject: verified.subject, claims: verified.claims }
  const provider = keyring.providers.find(({ id }) => id === verified.provider)
  return explainIdentity(
    base,
    policy,
    { identity, steps: verified.steps, key: verified.key.description, provider },
    serverName,
  )
}
