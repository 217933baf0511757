import { Problem } from '../problem.ts'
import type { LoggedOut } from '../browser.ts'
import { checkSignatures } from './response.ts'
import { childOf, childrenOf, everyElement, names, readXml, textOf, timeOf } from './xml.ts'

/** What a request to sign somebody out must fit. */
export interface ExpectedLogout {
  readonly issuer: string
  /** Where it must have been sent. */
  readonly destination: string
  /** Whether the name of the assertion is what accounts are linked by. */
  readonly byName: boolean
  readonly leewayMs: number
  readonly now: number
}

/** Whom a provider signs out. Nothing of it is to be believed before its signature is verified. */
export interface LogoutRequest {
  readonly id: string
  readonly ended: readonly LoggedOut[]
  /** When it is good no more, leeway included, in ms. */
  readonly expires: number
}

const { assertion: saml, protocol: samlp, signature: ds } = names
/** The oldest that is taken, in ms. */
const oldestMs = 5 * 60_000

const refuse = (message: string): Problem => new Problem('not_allowed', message)

/**
 * Reads a request to sign somebody out: a plain one, signed as a whole, made just now, for this server.
 * @throws Problem
 * @see https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf section 4.4.4.1
 */
export const readLogoutRequest = (xml: string, expected: ExpectedLogout): LogoutRequest => {
  const { now, leewayMs, destination } = expected
  const request = readXml(xml, { what: 'The logout request', plain: true })
  const { attributes } = request
  if (request.name !== `${samlp}LogoutRequest` || attributes.get('Version') !== '2.0')
    throw refuse('It is not a logout request of SAML 2.0')
  if ([...everyElement(request)].filter(({ name }) => name === request.name).length !== 1)
    throw refuse('There is a request inside the request')
  checkSignatures(request, [request])
  if (!childOf(request, `${ds}Signature`)) throw refuse('The logout request is not signed')
  const issuer = childOf(request, `${saml}Issuer`)
  if (!issuer || textOf(issuer) !== expected.issuer) throw refuse(`The logout request is not of ${expected.issuer}`)
  if (attributes.get('Destination') !== destination) throw refuse(`The logout request was not sent to ${destination}`)
  const [id, issued, until] = [attributes.get('ID'), attributes.get('IssueInstant'), attributes.get('NotOnOrAfter')]
  if (id === undefined || issued === undefined)
    throw refuse('The logout request has no id, or does not say when it was made')
  const made = timeOf(issued)
  const expires = Math.min(made + oldestMs, until === undefined ? Infinity : timeOf(until)) + leewayMs
  if (made > now + leewayMs || expires <= now)
    throw refuse('The logout request was not made just now: compare the clocks')
  const sessions = childrenOf(request, `${samlp}SessionIndex`).map(textOf)
  const name = childOf(request, `${saml}NameID`)
  const subject = name && expected.byName ? textOf(name) : undefined
  // An index may be a small number that many people's sessions have: with the name it is one person's.
  if (sessions.length > 0) return { id, expires, ended: sessions.map((sid) => ({ sid, subject, unnamed: true })) }
  if (subject === undefined) throw refuse('The logout request names neither a session nor a person')
  return { id, expires, ended: [{ subject }] }
}
