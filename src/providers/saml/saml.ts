import { createRequire } from 'node:module'
import type * as NodeSaml from '@node-saml/node-saml'
import { Problem } from '../problem.ts'
import type { BrowserProvider, Trip } from '../browser.ts'
import { type Asserted, readAssertion } from './assertion.ts'
import type { SamlConfig, SamlDeps } from './deps.ts'
import { idpSource } from './idp.ts'
import type { IdpDescription } from './metadata.ts'
import { readLogoutRequest } from './logout.ts'
import { decodeResponse, readEnvelope } from './response.ts'
import { Unfit } from './unfit.ts'
import { createWaiting } from './waiting.ts'

const formats: Readonly<Record<SamlConfig['name_id_format'], string | null>> = {
  persistent: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
  email: 'urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress',
  unspecified: 'urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified',
  any: null,
}

/** An XML id must not begin with a digit. */
const requestOf = ({ nonce }: Pick<Trip, 'nonce'>): string => `_${nonce}`

/** The name of this server at the provider. */
export const ownEntityId = (config: SamlConfig, callback: string): string =>
  config.own_entity_id ?? callback.replace(/\/callback$/, '/metadata')

/** Its hundred files are loaded with the first question: most servers speak no SAML. */
const library = (): typeof NodeSaml => createRequire(import.meta.url)('@node-saml/node-saml') as typeof NodeSaml

/** The library, set up for one question: whom to believe, and what to ask. Times and audience are looked at in assertion.ts, by the server's own clock. */
const libraryFor = (
  config: SamlConfig,
  callback: string,
  idp: Pick<IdpDescription, 'signOn' | 'certificates'>,
  trip?: Trip,
): NodeSaml.SAML =>
  new (library().SAML)({
    callbackUrl: callback,
    issuer: ownEntityId(config, callback),
    entryPoint: idp.signOn,
    idpCert: [...idp.certificates],
    identifierFormat: formats[config.name_id_format],
    disableRequestedAuthnContext: true,
    forceAuthn: trip?.fresh ?? false,
    wantAuthnResponseSigned: config.signed === 'response' || config.signed === 'both',
    wantAssertionsSigned: config.signed === 'assertion' || config.signed === 'both',
    acceptedClockSkewMs: -1,
    audience: false,
    signatureAlgorithm: 'sha256',
    ...(trip && { generateUniqueId: () => requestOf(trip) }),
    ...(config.request_key !== undefined && { privateKey: config.request_key }),
  })

/** The signed assertion of a response. @throws Problem */
const verifiedAssertion = async (
  config: SamlConfig,
  callback: string,
  idp: IdpDescription,
  response: string,
): Promise<string> => {
  let profile: NodeSaml.Profile | null
  try {
    ;({ profile } = await libraryFor(config, callback, idp).validatePostResponseAsync({
      SAMLResponse: Buffer.from(response).toString('base64'),
    }))
  } catch (error) {
    throw new Unfit(
      'signature',
      `The response was not accepted: ${error instanceof Error ? error.message : 'unknown'}`,
      { cause: error },
    )
  }
  const assertion = profile?.getAssertionXml?.()
  if (assertion === undefined) throw new Unfit('signature', 'The response has no signed assertion')
  return assertion
}

/** What a response says, if it may be believed. `request` is left out for looking at one without having asked. @throws Problem */
export const readResponse = async (
  config: SamlConfig,
  { callback, now }: Pick<SamlDeps, 'callback' | 'now'>,
  idp: IdpDescription,
  xml: string,
  request: string | undefined,
): Promise<Asserted> => {
  const envelope = readEnvelope(xml)
  if (!envelope.signed.response && !envelope.signed.assertion)
    throw new Unfit('signature', 'Nothing of the response is signed')
  if (envelope.issuer !== undefined && envelope.issuer !== idp.entityId)
    throw new Unfit('issuer', `The response is of ${envelope.issuer.slice(0, 200)}, and not of ${idp.entityId}`)
  if (envelope.destination === undefined ? envelope.signed.response : envelope.destination !== callback) {
    throw new Unfit(
      'audience',
      `The response was sent to ${envelope.destination?.slice(0, 200) ?? 'nobody'}, and not to ${callback}`,
    )
  }
  if (request !== undefined && envelope.inResponseTo !== request)
    throw new Unfit('audience', 'The response answers another request, or none')
  return readAssertion(await verifiedAssertion(config, callback, idp, xml), {
    issuer: idp.entityId,
    audience: ownEntityId(config, callback),
    recipient: callback,
    request,
    subjectAttribute: config.subject_attribute,
    attributes: config.attributes,
    leewayMs: config.leeway,
    now: now(),
  })
}

/** What the provider has to know of this server, as SAML metadata. */
const ownMetadata = (config: SamlConfig, callback: string): string =>
  // Whoever reads it needs no key of the provider's; the library wants one all the same.
  libraryFor(config, callback, { signOn: callback, certificates: ['none'] }).generateServiceProviderMetadata(
    null,
    config.request_certificate ?? null,
  )

/**
 * A provider that speaks SAML 2.0: requests by redirect, responses by form, each the answer to a request of ours.
 * @see https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf section 4.1
 */
export const samlProvider = (config: SamlConfig, deps: SamlDeps): BrowserProvider => {
  const idp = idpSource(config, deps)
  const waiting = createWaiting(deps)

  /** Once more with the keys that the provider has now, where those that are known fit not. */
  const read = async (xml: string, request: string): Promise<Asserted> => {
    const known = await idp()
    try {
      return await readResponse(config, deps, known, xml, request)
    } catch (error) {
      if (!(error instanceof Unfit) || error.rule !== 'signature') throw error
      const next = await idp.again()
      if (!next || next.certificates.join() === known.certificates.join()) throw error
      return readResponse(config, deps, next, xml, request)
    }
  }

  const isSigned = async (xml: string, known: IdpDescription): Promise<boolean> => {
    const signedBy = (one: IdpDescription): Promise<boolean> =>
      libraryFor(config, deps.callback, one)
        .validatePostRequestAsync({ SAMLRequest: Buffer.from(xml).toString('base64') })
        .then(
          ({ loggedOut }) => loggedOut,
          () => false,
        )
    if (await signedBy(known)) return true
    const next = await idp.again()
    return next !== undefined && signedBy(next)
  }

  return {
    id: config.id,
    name: config.name ?? config.id,
    icon: config.icon,
    brand: config.brand,
    backchannelLogout: config.backchannel_logout,
    leave: async (trip) =>
      new URL(
        await libraryFor(config, deps.callback, await idp(), trip).getAuthorizeUrlAsync(
          waiting.keep(trip.state),
          undefined,
          {},
        ),
      ),
    stateOf: (form) => waiting.take(form.get('RelayState')),
    arrive: async (trip, answer) => {
      const [text, ...more] = answer.getAll('SAMLResponse')
      if (text === undefined || more.length > 0)
        throw new Problem('cancelled', 'Somebody came back from the provider without a response')
      const asserted = await read(decodeResponse(text), requestOf(trip))
      if (
        !(await deps.useOnce(`assertion ${asserted.id}`, asserted.expires)) ||
        !(await deps.useOnce(`request ${requestOf(trip)}`, asserted.expires))
      ) {
        throw new Problem('lost', 'The response was used before')
      }
      return {
        subject: asserted.subject,
        claims: asserted.claims,
        sid: asserted.session,
        authenticated: asserted.authenticated,
        ends: asserted.sessionEnds,
      }
    },
    readLogout: async (form) => {
      const text = form.get('SAMLRequest')
      if (text === null) throw new Problem('bad_request', '"SAMLRequest" is missing')
      const [xml, known] = [decodeResponse(text), await idp()]
      const request = readLogoutRequest(xml, {
        issuer: known.entityId,
        destination: deps.callback.replace(/callback$/, 'logout'),
        byName: config.subject_attribute === undefined,
        leewayMs: config.leeway,
        now: deps.now(),
      })
      if (!(await isSigned(xml, known)))
        throw new Problem('not_allowed', 'The signature of the logout request is not one of the provider')
      // Last of all, so that only requests that are good take up room.
      if (!(await deps.useOnce(`logout ${request.id}`, request.expires)))
        throw new Problem('not_allowed', 'The logout request was used before')
      return request.ended
    },
    metadata: () => ownMetadata(config, deps.callback),
  }
}
