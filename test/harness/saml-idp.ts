// A SAML identity provider in this process, where whoever is named signs in without being asked. What it says can be bent for attacks.
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'
import { createServer } from 'node:http'
import { inflateRawSync } from 'node:zlib'
import { SignedXml } from 'xml-crypto'
import { freePort } from './process.ts'

const der = (tag: number, ...parts: Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts)
  const size = body.length < 128 ? Buffer.from([body.length]) : Buffer.from([0x82, body.length >> 8, body.length & 255])
  return Buffer.concat([Buffer.from([tag]), size, body])
}

/** A certificate of a key by itself, as PEM. */
export const selfSigned = (privateKey: KeyObject): string => {
  const rsaSha256 = der(0x30, Buffer.from('06092a864886f70d01010b0500', 'hex'))
  const name = der(0x30, der(0x31, der(0x30, Buffer.from('0603550403', 'hex'), der(0x0c, Buffer.from('idp')))))
  const dates = der(0x30, der(0x17, Buffer.from('250101000000Z')), der(0x17, Buffer.from('450101000000Z')))
  const key = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
  const body = der(0x30, der(0xa0, Buffer.from([2, 1, 2])), der(2, Buffer.from([1])), rsaSha256, name, dates, name, key)
  const whole = der(0x30, body, rsaSha256, der(3, Buffer.from([0]), sign('sha256', body, privateKey)))
  return `-----BEGIN CERTIFICATE-----\n${whole
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')}\n-----END CERTIFICATE-----\n`
}

export interface SigningKey {
  readonly privateKey: KeyObject
  readonly certificate: string
}

export const makeKey = (bits = 2048): SigningKey => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits })
  return { privateKey, certificate: selfSigned(privateKey) }
}

/** What a response says; each may be another than it should be. */
export interface Said {
  nameId: string
  format: string
  attributes: Record<string, string | string[]>
  issuer: string
  audience: string
  recipient: string
  destination: string
  request: string
  /** By how many seconds all its times are off. */
  shift: number
  authenticated: number
  status: string
  sign: 'assertion' | 'response' | 'both' | 'none'
  algorithm: 'sha256' | 'sha1'
  key: SigningKey
  id: string
  session: string
  /** When the session ends by itself, in seconds from now; undefined: it does not say. */
  ends?: number | undefined
}

export interface SamlIdp extends AsyncDisposable {
  readonly url: string
  readonly entityId: string
  key: SigningKey
  /** How often the metadata were asked for. */
  asked: number
  /** The request that came last. */
  request: { id: string; xml: string; relay: string; query: URLSearchParams }
  /** What everybody is told, over the usual. */
  says: Partial<Said>
  /** A response to the request that came last. */
  respond(more?: Partial<Said>): string
  /** A request to sign somebody out. */
  signOut(more?: Partial<SaidLogout>): string
}

const time = (ms: number): string => new Date(ms).toISOString()
const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

/** What a request to sign somebody out says; each may be another than it should be. */
export interface SaidLogout extends Pick<
  Said,
  'key' | 'algorithm' | 'issuer' | 'destination' | 'nameId' | 'shift' | 'id'
> {
  /** None where it is empty. */
  session: string
  sign: boolean
}

const signed = (xml: string, { key, algorithm }: Pick<Said, 'key' | 'algorithm'>, name: string): string => {
  const signature = new SignedXml({
    privateKey: key.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    canonicalizationAlgorithm: 'http://www.w3.org/2001/10/xml-exc-c14n#',
    signatureAlgorithm:
      algorithm === 'sha1'
        ? 'http://www.w3.org/2000/09/xmldsig#rsa-sha1'
        : 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  })
  const place = `//*[local-name(.)='${name}']`
  signature.addReference({
    xpath: place,
    transforms: ['http://www.w3.org/2000/09/xmldsig#enveloped-signature', 'http://www.w3.org/2001/10/xml-exc-c14n#'],
    digestAlgorithm:
      algorithm === 'sha1' ? 'http://www.w3.org/2000/09/xmldsig#sha1' : 'http://www.w3.org/2001/04/xmlenc#sha256',
  })
  signature.computeSignature(xml, { location: { reference: `${place}/*[local-name(.)='Issuer']`, action: 'after' } })
  return signature.getSignedXml()
}

/** The XML of a response, signed as it says. */
export const responseXml = (said: Said): string => {
  const now = Date.now() + said.shift * 1000
  const attributes = Object.entries(said.attributes)
    .map(
      ([name, values]) =>
        `<saml:Attribute Name="${escape(name)}">${[values]
          .flat()
          .map((value) => `<saml:AttributeValue>${escape(value)}</saml:AttributeValue>`)
          .join('')}</saml:Attribute>`,
    )
    .join('')
  const xml =
    `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r${said.id}" Version="2.0"` +
    ` IssueInstant="${time(now)}" Destination="${said.destination}" InResponseTo="${said.request}"><saml:Issuer>${said.issuer}</saml:Issuer>` +
    `<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:${said.status}"/></samlp:Status>` +
    `<saml:Assertion ID="_a${said.id}" Version="2.0" IssueInstant="${time(now)}"><saml:Issuer>${said.issuer}</saml:Issuer>` +
    `<saml:Subject><saml:NameID Format="${said.format}">${said.nameId}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">` +
    `<saml:SubjectConfirmationData InResponseTo="${said.request}" Recipient="${said.recipient}" ` +
    `NotOnOrAfter="${time(now + 300_000)}"/></saml:SubjectConfirmation></saml:Subject>` +
    `<saml:Conditions NotBefore="${time(now - 1000)}" NotOnOrAfter="${time(now + 300_000)}"><saml:AudienceRestriction>` +
    `<saml:Audience>${said.audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>` +
    `<saml:AuthnStatement AuthnInstant="${time(said.authenticated)}" ` +
    `SessionIndex="${said.session}"${said.ends === undefined ? '' : ` SessionNotOnOrAfter="${time(now + said.ends * 1000)}"`}>` +
    '<saml:AuthnContext><saml:AuthnContextClassRef>' +
    'urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>' +
    `${attributes === '' ? '' : `<saml:AttributeStatement>${attributes}</saml:AttributeStatement>`}</saml:Assertion></samlp:Response>`
  const inner = said.sign === 'assertion' || said.sign === 'both' ? signed(xml, said, 'Assertion') : xml
  return said.sign === 'response' || said.sign === 'both' ? signed(inner, said, 'Response') : inner
}

/** The XML of a request to sign somebody out. */
export const logoutXml = (said: SaidLogout): string => {
  const xml =
    '<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ' +
    `xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_l${said.id}" Version="2.0"` +
    ` IssueInstant="${time(Date.now() + said.shift * 1000)}" Destination="${said.destination}">` +
    `<saml:Issuer>${said.issuer}</saml:Issuer><saml:NameID>${said.nameId}</saml:NameID>` +
    `${said.session === '' ? '' : `<samlp:SessionIndex>${said.session}</samlp:SessionIndex>`}</samlp:LogoutRequest>`
  return said.sign ? signed(xml, said, 'LogoutRequest') : xml
}

/** Starts one. @param callback where the homeserver takes responses */
export const openSamlIdp = async (callback: string): Promise<SamlIdp> => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const audience = callback.replace(/callback$/, 'metadata')
  const metadata = (): string =>
    `<?xml version="1.0"?><!-- of a test --><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${url}/idp">` +
    '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">' +
    '<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">' +
    `<ds:X509Data><ds:X509Certificate>${self.key.certificate.replaceAll(/-----[^-]*-----/g, '')}</ds:X509Certificate>` +
    '</ds:X509Data></ds:KeyInfo></md:KeyDescriptor>' +
    `<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="${url}/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>`
  const self: SamlIdp = {
    url,
    entityId: `${url}/idp`,
    key: makeKey(),
    asked: 0,
    request: { id: '', xml: '', relay: '', query: new URLSearchParams() },
    says: {},
    respond: (more = {}) =>
      responseXml({
        nameId: 'id-alice',
        format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
        attributes: { uid: 'alice', cn: 'Alice & Co' },
        issuer: self.entityId,
        audience,
        recipient: callback,
        destination: callback,
        request: self.request.id,
        shift: 0,
        authenticated: Date.now(),
        status: 'Success',
        sign: 'assertion',
        algorithm: 'sha256',
        key: self.key,
        id: randomBytes(8).toString('hex'),
        session: 's1',
        ...self.says,
        ...more,
      }),
    signOut: (more = {}) =>
      logoutXml({
        nameId: 'id-alice',
        issuer: self.entityId,
        destination: callback.replace(/callback$/, 'logout'),
        shift: 0,
        algorithm: 'sha256',
        key: self.key,
        id: randomBytes(8).toString('hex'),
        session: 's1',
        sign: true,
        ...more,
      }),
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => {
          resolve()
        })
      }),
  }
  const server = createServer((request, response) => {
    const { pathname, searchParams: query } = new URL(request.url ?? '', url)
    if (pathname === '/metadata') {
      self.asked += 1
      response.writeHead(200, { 'content-type': 'application/xml' }).end(metadata())
      return
    }
    const xml = inflateRawSync(Buffer.from(query.get('SAMLRequest') ?? '', 'base64')).toString()
    self.request = { id: /ID="([^"]*)"/.exec(xml)?.[1] ?? '', xml, relay: query.get('RelayState') ?? '', query }
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end(
        `<form method="post" action="${callback}">` +
          `<input type="hidden" name="SAMLResponse" value="${Buffer.from(self.respond()).toString('base64')}">` +
          `<input type="hidden" name="RelayState" value="${self.request.relay}"><button>Go on</button></form>`,
      )
  })
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve)
  })
  return self
}
