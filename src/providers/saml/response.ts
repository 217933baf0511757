import { Problem } from '../problem.ts'
import { childOf, type Element, everyElement, names, readXml, textOf } from './xml.ts'

const { assertion: saml, protocol: samlp, signature: ds } = names
const success = 'urn:oasis:names:tc:SAML:2.0:status:Success'
const cancelling = ['AuthnFailed', 'RequestDenied', 'NoPassive', 'NoAuthnContext', 'UnknownPrincipal']

/** SHA-1 is left out: who can find a collision signs with it. */
const algorithms: Readonly<Record<string, ReadonlySet<string>>> = {
  SignatureMethod: new Set([
    'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
    'http://www.w3.org/2001/04/xmldsig-more#rsa-sha512',
    'http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1',
  ]),
  DigestMethod: new Set(['http://www.w3.org/2001/04/xmlenc#sha256', 'http://www.w3.org/2001/04/xmlenc#sha512']),
  CanonicalizationMethod: new Set(['http://www.w3.org/2001/10/xml-exc-c14n#']),
  Transform: new Set([
    'http://www.w3.org/2000/09/xmldsig#enveloped-signature',
    'http://www.w3.org/2001/10/xml-exc-c14n#',
  ]),
}

const failed = (message: string): Problem => new Problem('provider_failed', message)

/** What the envelope says of itself. Unless it is signed, none of it is to be believed. */
export interface Envelope {
  readonly destination: string | undefined
  readonly inResponseTo: string | undefined
  readonly issuer: string | undefined
  readonly signed: { readonly response: boolean; readonly assertion: boolean }
}

/** The XML that a form's field holds. @throws Problem */
export const decodeResponse = (text: string): string => {
  const bare = text.replaceAll(/\s/g, '')
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(bare)) throw failed('The response is not base64')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bare, 'base64'))
  } catch (error) {
    throw new Problem('provider_failed', 'The response is not UTF-8', { cause: error })
  }
}

const checkStatus = (response: Element): void => {
  const status = childOf(response, `${samlp}Status`)
  const code = status && childOf(status, `${samlp}StatusCode`)
  const value = code?.attributes.get('Value')
  if (value === success) return
  const inner = code && childOf(code, `${samlp}StatusCode`)?.attributes.get('Value')
  const short = (inner ?? value ?? 'nothing').split(':').at(-1)?.slice(0, 64) ?? ''
  throw new Problem(cancelling.includes(short) ? 'cancelled' : 'provider_failed', `The provider answered ${short}`)
}

const isOneOf =
  (name: string) =>
  (element: Element): boolean =>
    element.name === name

/**
 * Every way to have one element checked and another one read begins with more elements than are needed: signatures may stand only in
 * these, one in each, by algorithms that are good, and no id may be there twice.
 * @throws Problem
 */
export const checkSignatures = (root: Element, places: readonly Element[]): void => {
  const all = [...everyElement(root)]
  const holders = all.filter((element) => element.children.some(isOneOf(`${ds}Signature`)))
  if (
    all.filter(isOneOf(`${ds}Signature`)).length !== holders.length ||
    holders.some((holder) => !places.includes(holder))
  )
    throw failed('A signature stands where none belongs')
  const ids = all.flatMap(({ attributes }) =>
    [...attributes].filter(([name]) => name.toLowerCase() === 'id').map(([, value]) => value),
  )
  if (new Set(ids).size !== ids.length) throw failed('An id is there twice')
  for (const { name, attributes } of all) {
    const allowed = name.startsWith(ds) ? algorithms[name.slice(ds.length)] : undefined
    const algorithm = attributes.get('Algorithm') ?? ''
    if (allowed && !allowed.has(algorithm))
      throw failed(`It is signed by ${algorithm.slice(0, 80)}, which is not accepted`)
  }
}

const checkShape = (response: Element): void => {
  const all = [...everyElement(response)]
  if (all.some(isOneOf(`${saml}EncryptedAssertion`)))
    throw failed('The assertion is encrypted, which is not supported: have the provider sign it only')
  if (all.filter(isOneOf(`${samlp}Response`)).length !== 1) throw failed('There is a response inside the response')
  const [assertion, ...more] = all.filter(isOneOf(`${saml}Assertion`))
  if (!assertion || more.length > 0 || !response.children.includes(assertion))
    throw failed('There is no assertion, or there are several, or it is in a wrong place')
  checkSignatures(response, [response, assertion])
}

/**
 * Looks at a response before any signature is: whether it is a plain one, of one assertion, signed in the usual places.
 * @throws Problem
 * @see https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf
 */
export const readEnvelope = (xml: string): Envelope => {
  const response = readXml(xml, { what: 'The response', plain: true })
  if (response.name !== `${samlp}Response` || response.attributes.get('Version') !== '2.0')
    throw failed('It is not a response of SAML 2.0')
  checkStatus(response)
  checkShape(response)
  const issuer = childOf(response, `${saml}Issuer`)
  const assertion = childOf(response, `${saml}Assertion`)
  return {
    destination: response.attributes.get('Destination'),
    inResponseTo: response.attributes.get('InResponseTo'),
    issuer: issuer && textOf(issuer),
    signed: {
      response: childOf(response, `${ds}Signature`) !== undefined,
      assertion: assertion !== undefined && childOf(assertion, `${ds}Signature`) !== undefined,
    },
  }
}
