import type { Claims } from '../../identity/index.ts'
import { Unfit } from './unfit.ts'
import { childOf, childrenOf, type Element, names, readXml, textOf, timeOf } from './xml.ts'

/** What an assertion must fit. */
export interface Expected {
  readonly issuer: string
  readonly audience: string
  /** Where it must have been made for. */
  readonly recipient: string
  /** The id of the request that it answers; undefined for looking at one without having asked. */
  readonly request: string | undefined
  readonly subjectAttribute: string | undefined
  /** Names for attributes. */
  readonly attributes: readonly { readonly attribute: string; readonly claim: string }[]
  readonly leewayMs: number
  readonly now: number
}

/** What an assertion says. */
export interface Asserted {
  readonly id: string
  readonly subject: string
  readonly claims: Claims
  /** The provider's session. */
  readonly session: string | undefined
  /** When the person last showed who they are, in ms. */
  readonly authenticated: number
  /** When the provider's session ends by itself, in ms. */
  readonly sessionEnds: number | undefined
  /** When it is good no more, leeway included, in ms. */
  readonly expires: number
}

const { assertion: saml } = names
const bearer = 'urn:oasis:names:tc:SAML:2.0:cm:bearer'
const transient = 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient'

const failed = (rule: Unfit['rule'], message: string): Unfit => new Unfit(rule, message)

const need = <T>(value: T | undefined, what: string): T => {
  if (value === undefined) throw failed('form', `The assertion is without ${what}`)
  return value
}

const timesOf = ({ attributes }: Element): { from: number; until: number } => {
  const [from, until] = [attributes.get('NotBefore'), attributes.get('NotOnOrAfter')]
  return { from: from === undefined ? -Infinity : timeOf(from), until: until === undefined ? Infinity : timeOf(until) }
}

const checkTimes = (
  { from, until }: { from: number; until: number },
  { now, leewayMs }: Expected,
  what: string,
): void => {
  if (now + leewayMs < from) throw failed('times', `The ${what} is not valid yet: compare the clocks`)
  if (now - leewayMs >= until) throw failed('times', `The ${what} has run out: compare the clocks`)
}

/** @see https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf section 4.1.4.3 */
const checkConfirmation = (subject: Element, expected: Expected): number => {
  const found = childrenOf(subject, `${saml}SubjectConfirmation`).filter(
    ({ attributes }) => attributes.get('Method') === bearer,
  )
  const [confirmation, ...more] = found
  if (!confirmation || more.length > 0)
    throw failed('form', 'The assertion has no confirmation of method bearer, or several')
  const data = need(childOf(confirmation, `${saml}SubjectConfirmationData`), 'SubjectConfirmationData')
  if (data.attributes.get('Recipient') !== expected.recipient)
    throw failed(
      'audience',
      `The assertion was made for ${data.attributes.get('Recipient')?.slice(0, 200)}, and not for ${expected.recipient}`,
    )
  if (!data.attributes.has('NotOnOrAfter')) throw failed('times', 'The confirmation never runs out')
  const times = timesOf(data)
  checkTimes(times, expected, 'confirmation')
  if (expected.request !== undefined && data.attributes.get('InResponseTo') !== expected.request)
    throw failed('audience', 'The assertion answers another request, or none')
  return times.until
}

const checkConditions = (assertion: Element, expected: Expected): number => {
  const conditions = need(childOf(assertion, `${saml}Conditions`), 'Conditions')
  const times = timesOf(conditions)
  checkTimes(times, expected, 'assertion')
  const restrictions = childrenOf(conditions, `${saml}AudienceRestriction`)
  if (restrictions.length === 0) throw failed('audience', 'The assertion has no audience')
  for (const restriction of restrictions) {
    const audiences = childrenOf(restriction, `${saml}Audience`).map(textOf)
    if (!audiences.includes(expected.audience))
      throw failed(
        'audience',
        `The assertion is for the audience ${audiences.join(', ').slice(0, 200)}, and not for ${expected.audience}`,
      )
  }
  return times.until
}

/** Every attribute by its name, and by its friendly name where no other has that. */
const attributesOf = (assertion: Element): Map<string, string[]> => {
  const [named, friendly] = [new Map<string, string[]>(), new Map<string, string[]>()]
  for (const attribute of childrenOf(assertion, `${saml}AttributeStatement`).flatMap((statement) =>
    childrenOf(statement, `${saml}Attribute`),
  )) {
    const values = childrenOf(attribute, `${saml}AttributeValue`)
      .filter(({ children }) => children.length === 0)
      .map(textOf)
    const add = (map: Map<string, string[]>, name: string | undefined): void => {
      if (name !== undefined && values.length > 0) map.set(name, [...(map.get(name) ?? []), ...values])
    }
    add(named, attribute.attributes.get('Name'))
    add(friendly, attribute.attributes.get('FriendlyName'))
  }
  return new Map([...friendly, ...named])
}

const claimsOf = (
  attributes: ReadonlyMap<string, string[]>,
  expected: Expected,
  nameId: string | undefined,
): Claims => {
  // Without a prototype, so that no name of an attribute means anything but itself.
  const claims = Object.create(null) as Record<string, string | string[]>
  const put = (name: string, values: readonly string[]): void => {
    claims[name] = values.length === 1 ? (values[0] ?? '') : [...values]
  }
  for (const [name, values] of attributes) put(name, values)
  for (const { attribute, claim } of expected.attributes) {
    const values = attributes.get(attribute)
    if (values) put(claim, values)
  }
  if (nameId === undefined) delete claims['name_id']
  else claims['name_id'] = nameId
  return claims
}

const nameIdOf = (subject: Element): { name: string; format: string | undefined } | undefined => {
  const element = childOf(subject, `${saml}NameID`)
  const name = element && textOf(element)
  return element && name !== undefined && name !== '' ? { name, format: element.attributes.get('Format') } : undefined
}

const subjectOf = (
  attributes: ReadonlyMap<string, string[]>,
  name: ReturnType<typeof nameIdOf>,
  { subjectAttribute }: Expected,
): string => {
  if (subjectAttribute !== undefined) {
    const [value, ...more] = attributes.get(subjectAttribute) ?? []
    if (value === undefined || value === '' || more.length > 0)
      throw failed('subject', `The attribute ${subjectAttribute}, which names the person, is not there once`)
    return value
  }
  if (!name) throw failed('subject', 'The assertion names nobody (NameID)')
  if (name.format === transient)
    throw failed(
      'subject',
      'The assertion names somebody by a name that is another one each time (transient): set name_id_format or subject_attribute',
    )
  return name.name
}

/**
 * Reads an assertion. Only what a good signature covers may be given here.
 * @throws Problem that says what does not fit
 */
export const readAssertion = (xml: string, expected: Expected): Asserted => {
  const assertion = readXml(xml, { what: 'The assertion', plain: true })
  if (assertion.name !== `${saml}Assertion` || assertion.attributes.get('Version') !== '2.0')
    throw failed('form', 'What is signed is not an assertion of SAML 2.0')
  const issuer = textOf(need(childOf(assertion, `${saml}Issuer`), 'an issuer'))
  if (issuer !== expected.issuer)
    throw failed('issuer', `The assertion is of ${issuer.slice(0, 200)}, and not of ${expected.issuer}`)
  const subject = need(childOf(assertion, `${saml}Subject`), 'a subject')
  const until = Math.min(checkConfirmation(subject, expected), checkConditions(assertion, expected))
  const statement = need(childOf(assertion, `${saml}AuthnStatement`), 'a statement of how somebody signed in')
  const ends = statement.attributes.get('SessionNotOnOrAfter')
  if (ends !== undefined && expected.now - expected.leewayMs >= timeOf(ends))
    throw failed('times', 'The session at the provider has run out')
  const [name, attributes] = [nameIdOf(subject), attributesOf(assertion)]
  return {
    id: need(assertion.attributes.get('ID'), 'an id'),
    subject: subjectOf(attributes, name, expected),
    claims: claimsOf(attributes, expected, name?.name),
    session: statement.attributes.get('SessionIndex'),
    authenticated: timeOf(need(statement.attributes.get('AuthnInstant'), 'AuthnInstant')),
    sessionEnds: ends === undefined ? undefined : timeOf(ends),
    expires: until + expected.leewayMs,
  }
}
