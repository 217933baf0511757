import type { Config } from '../../config/index.ts'
import type { Claims, Identity, Policy } from '../../identity/index.ts'
import { own } from '../../matrix/json.ts'
import { explainIdentity, type Explanation } from '../explain.ts'
import { peek } from './choose.ts'
import type { Keyring } from './keyring.ts'
import type { RefusalCode } from './refusal.ts'

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
