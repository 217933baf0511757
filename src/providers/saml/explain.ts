import type { Config } from '../../config/index.ts'
import type { Outgoing } from '../../http/index.ts'
import type { Policy } from '../../identity/index.ts'
import { type Explanation, type ExplainedStep, explainIdentity } from '../explain.ts'
import { Problem } from '../problem.ts'
import { idpSource } from './idp.ts'
import type { IdpDescription } from './metadata.ts'
import { decodeResponse, readEnvelope } from './response.ts'
import type { SamlConfig } from './deps.ts'
import { ownEntityId, readResponse } from './saml.ts'
import { Unfit } from './unfit.ts'

/** What explaining a response takes. */
export interface ExplainResponseDeps {
  readonly outgoing: Outgoing
  readonly now: () => number
  readonly policies: ReadonlyMap<string, Policy>
  readonly serverName: string
  readonly publicUrl: string | undefined
  readonly entries: Config['identity_providers']
}

const fixes: Readonly<Record<Unfit['rule'], string>> = {
  form: 'Copy the whole field SAMLResponse; have the provider send one assertion that is signed with RSA-SHA256 and not encrypted',
  signature:
    'Compare the certificate of the provider with the one in its metadata, and what it signs with "signed" in the configuration',
  issuer: 'Compare "entity_id" (or the metadata) with the name that the provider gives itself',
  audience: 'Compare the addresses at the provider with those that PUBLIC_BASE_URL/_latchkey/sso/ID/metadata says',
  times: 'Compare the clocks of both machines; a response is good for minutes only, so look at a new one',
  subject: 'Have the provider name people for good: see name_id_format and subject_attribute',
}

const order = ['form', 'issuer', 'signature', 'audience', 'times', 'subject'] as const

/** XML, or the base64 of something that begins with `<`. A JWT has dots. */
const isXml = (text: string): boolean => text.startsWith('<') || /^P[A-P][A-Za-z0-9+/=\s]*$/.test(text)

/** The entry that the response is of: by its issuer, or the only one there is. */
const entryOf = async (
  deps: ExplainResponseDeps,
  xml: string,
): Promise<{ entry: SamlConfig; idp: IdpDescription } | undefined> => {
  const entries = deps.entries.filter((entry) => entry.type === 'saml')
  const { issuer } = readEnvelope(xml)
  let only: { entry: SamlConfig; idp: IdpDescription } | undefined
  for (const entry of entries) {
    const idp = await idpSource(entry, deps)()
    if (idp.entityId === issuer) return { entry, idp }
    only = { entry, idp }
  }
  return entries.length === 1 ? only : undefined
}

/**
 * Says in plain words what becomes of a response of a SAML provider; undefined for what is none. Changes nothing. Whether it answers a
 * request of ours, and was used before, is not looked at.
 */
export const explainResponse = async (deps: ExplainResponseDeps, text: string): Promise<Explanation | undefined> => {
  if (!isXml(text) || !deps.entries.some(({ type }) => type === 'saml')) return undefined
  const refused = (provider: string, rule: Unfit['rule'], problem: string): Explanation => ({
    provider,
    accepted: false,
    key: undefined,
    user: undefined,
    takes: {},
    header: {},
    claims: {},
    code: undefined,
    problem,
    fix: fixes[rule],
    steps: [{ rule, found: problem }],
  })
  let provider = 'saml'
  try {
    const xml = text.startsWith('<') ? text : decodeResponse(text)
    const found = await entryOf(deps, xml)
    if (!found) return refused(provider, 'issuer', 'No provider of type saml has this name')
    const { entry, idp } = found
    provider = entry.id
    const callback = `${deps.publicUrl ?? ''}/_latchkey/sso/${entry.id}/callback`
    const asserted = await readResponse(entry, { callback, now: deps.now }, idp, xml, undefined)
    const policy = deps.policies.get(entry.id)
    if (!policy) throw new Error(`There is no identity provider "${entry.id}"`)
    const said: Readonly<Record<Unfit['rule'], string>> = {
      form: 'A response with one assertion',
      issuer: idp.entityId,
      signature: `A certificate of ${idp.entityId}`,
      audience: ownEntityId(entry, callback),
      times: 'Valid now',
      subject: asserted.subject,
    }
    const steps = order.map((rule): ExplainedStep => ({ rule, found: said[rule] }))
    return explainIdentity(
      { provider, header: {}, claims: asserted.claims },
      policy,
      { identity: { provider, subject: asserted.subject, claims: asserted.claims }, steps, key: said.signature },
      deps.serverName,
    )
  } catch (error) {
    if (error instanceof Problem) return refused(provider, error instanceof Unfit ? error.rule : 'form', error.message)
    throw error
  }
}
