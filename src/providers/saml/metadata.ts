import { X509Certificate } from 'node:crypto'
import { Problem } from '../problem.ts'
import { childOf, childrenOf, type Element, everyElement, names, readXml, textOf, timeOf } from './xml.ts'

/** What is known of an identity provider. */
export interface IdpDescription {
  /** Its name: the issuer of what it signs. */
  readonly entityId: string
  /** Where people are sent to. */
  readonly signOn: string
  /** PEM certificates whose keys it signs with. */
  readonly certificates: readonly string[]
  /** When all this is good no more, in ms, as the provider has written it; undefined: it does not say. */
  readonly until?: { readonly ms: number; readonly text: string } | undefined
}

/** @throws Problem for a description that has run out */
export const stillGood = (found: IdpDescription, now: number): IdpDescription => {
  if (found.until && found.until.ms <= now)
    throw new Problem('provider_failed', `The provider's metadata ran out at ${found.until.text}: get new ones from it`)
  return found
}

const redirectBinding = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect'
const { metadata: md, signature: ds } = names
const failed = (message: string): Problem => new Problem('provider_failed', message)
const fewestBits = 2048

/**
 * A certificate whose key can be relied upon, as PEM; its own dates are not looked at, as is usual in SAML.
 * @param text PEM, or the base64 that stands in metadata
 * @throws Error that says what is wrong with it
 */
export const certificateOf = (text: string): string => {
  const bare = text.trim()
  const pem = bare.startsWith('-----')
    ? bare
    : `-----BEGIN CERTIFICATE-----\n${(bare.replaceAll(/\s/g, '').match(/.{1,64}/g) ?? []).join('\n')}\n-----END CERTIFICATE-----\n`
  if (!pem.startsWith('-----BEGIN CERTIFICATE-----')) throw new Error('it is not a certificate')
  const certificate = new X509Certificate(pem)
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = certificate.publicKey
  if (type !== 'rsa') throw new Error(`its key is of type ${type}, and SAML signs with RSA`)
  if ((details?.modulusLength ?? 0) < fewestBits)
    throw new Error(`its key has ${details?.modulusLength} bits, and ${fewestBits} are the fewest`)
  return certificate.toString()
}

const usable = (text: string): string[] => {
  try {
    return [certificateOf(text)]
  } catch {
    return []
  }
}

const describe = (entity: Element, role: Element): IdpDescription => {
  const entityId = entity.attributes.get('entityID') ?? ''
  const [service] = childrenOf(role, `${md}SingleSignOnService`).filter(
    ({ attributes }) => attributes.get('Binding') === redirectBinding,
  )
  const signOn = service?.attributes.get('Location') ?? ''
  if (!URL.canParse(signOn) || !/^https?:/.test(signOn))
    throw failed(`The metadata of ${entityId} name no place to sign in by the binding HTTP-Redirect`)
  const keys = childrenOf(role, `${md}KeyDescriptor`).filter(
    ({ attributes }) => (attributes.get('use') ?? 'signing') === 'signing',
  )
  const certificates = keys.flatMap((key) =>
    [...everyElement(key)].filter(({ name }) => name === `${ds}X509Certificate`).flatMap((one) => usable(textOf(one))),
  )
  if (certificates.length === 0)
    throw failed(`The metadata of ${entityId} have no certificate with an RSA key of ${fewestBits} bits or more`)
  return { entityId, signOn, certificates: [...new Set(certificates)] }
}

/**
 * Reads an identity provider's metadata, be they good still or not.
 * @param wanted its name, where the metadata may be those of several
 * @throws Problem
 * @see https://docs.oasis-open.org/security/saml/v2.0/saml-metadata-2.0-os.pdf
 */
export const readMetadata = (xml: string, wanted: string | undefined): IdpDescription => {
  const root = readXml(xml, { what: "What should be the provider's metadata", plain: false })
  const entities = [...everyElement(root)]
    .filter(({ name }) => name === `${md}EntityDescriptor`)
    .flatMap((entity) => {
      const role = childOf(entity, `${md}IDPSSODescriptor`)
      return role && (wanted === undefined || entity.attributes.get('entityID') === wanted) ? [{ entity, role }] : []
    })
  const [found, ...more] = entities
  if (!found)
    throw failed(`The metadata describe no identity provider${wanted === undefined ? '' : ` named ${wanted}`}`)
  if (more.length > 0) throw failed('The metadata describe several identity providers: name one as entity_id')
  const [until] = [root, found.entity, found.role]
    .flatMap(({ attributes }) => attributes.get('validUntil') ?? [])
    .map((text) => ({ text, ms: timeOf(text) }))
    .toSorted((a, b) => a.ms - b.ms)
  return { ...describe(found.entity, found.role), until }
}
