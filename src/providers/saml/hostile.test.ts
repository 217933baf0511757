// What no response, however it was made, may do: be read as something that nobody has signed.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeKey, responseXml } from '../../../test/harness/saml-idp.ts'
import { databases } from '../../../test/harness/postgres.ts'
import { defaultConfig } from '../../config/index.ts'
import { openDatabase } from '../../storage/index.ts'
import { type IdpDescription, readMetadata, stillGood } from './metadata.ts'
import { decodeResponse, readEnvelope } from './response.ts'
import { readResponse } from './saml.ts'
import { useOnceIn } from './store.ts'

const callback = 'https://one.test/_latchkey/sso/saml/callback'
const key = makeKey()
const idp: IdpDescription = {
  entityId: 'https://idp.test',
  signOn: 'https://idp.test/sso',
  certificates: [key.certificate],
}
const [config] = defaultConfig({
  public_base_url: 'https://one.test',
  identity_providers: [{ id: 'saml', type: 'saml', metadata_url: 'https://idp.test/metadata' }],
}).identity_providers
const good = (sign: 'assertion' | 'response', role = ['a', 'b']): string =>
  responseXml({
    nameId: 'id-alice',
    format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent',
    attributes: { uid: 'alice', role },
    issuer: idp.entityId,
    audience: callback.replace('callback', 'metadata'),
    recipient: callback,
    destination: callback,
    request: '_r',
    shift: 0,
    authenticated: Date.now(),
    status: 'Success',
    sign,
    algorithm: 'sha256',
    key,
    id: '1',
    session: 's',
  })
const read = (xml: string) => {
  assert.ok(config?.type === 'saml')
  return readResponse(config, { callback, now: () => Date.now() }, idp, xml, '_r')
}

test('a response that was changed anywhere is refused, or says what it said', async () => {
  for (const sign of ['assertion', 'response'] as const) {
    const xml = good(sign)
    const before = await read(xml)
    const place = fc.nat(xml.length - 1)
    const piece = fc.oneof(
      fc.string({ maxLength: 5 }),
      fc.constantFrom(
        '<!-- -->',
        '<![CDATA[x]]>',
        '&lt;',
        '<x/>',
        ' ',
        '\r\n',
        '<saml:NameID>id-admin</saml:NameID>',
        ' ID="_a1"',
        '<?x?>',
        '&#13;',
      ),
      fc.tuple(place, fc.nat(2000)).map(([at, length]) => xml.slice(at, at + length)),
    )
    await fc.assert(
      fc.asyncProperty(place, fc.nat(60), piece, async (at, gone, put) => {
        const changed = xml.slice(0, at) + put + xml.slice(at + gone)
        try {
          const { subject, claims, session } = await read(changed)
          assert.deepEqual(
            [subject, { ...claims }, session],
            [before.subject, { ...before.claims }, before.session],
            changed,
          )
        } catch (error) {
          assert.equal((error as Error).name, 'Problem', String(error))
        }
      }),
      { numRuns: 300 },
    )
  }
})

test('whatever comes in place of a response or of metadata is refused as such', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), fc.string({ unit: 'binary' })), (text) => {
      assert.throws(() => readEnvelope(decodeResponse(text)), { name: 'Problem' })
      assert.throws(() => readEnvelope(text), { name: 'Problem' })
      assert.throws(() => readMetadata(text, undefined), { name: 'Problem' })
    }),
  )
  for (const bomb of [
    `<!DOCTYPE x [${'<!ENTITY a "aaaa">'.repeat(10)}]><x>&a;</x>`,
    '<a>'.repeat(100),
    `<a>${'<b/>'.repeat(30_000)}</a>`,
  ]) {
    assert.throws(() => readEnvelope(bomb), { name: 'Problem' })
    assert.throws(() => readMetadata(bomb, undefined), { name: 'Problem' })
  }
})

test('a message that is larger than anybody has use for is refused before its signature is looked at', async () => {
  const xml = good('assertion')
  const put = (what: string): string => xml.replace('</samlp:Response>', `${what}</samlp:Response>`)
  const spaces = Array.from({ length: 300 }, (_, index) => `xmlns:n${index}="urn:${index}"`).join(' ')
  const attributes = Array.from({ length: 3000 }, (_, index) => `a${index}=""`).join(' ')
  const hostile = {
    elements: put(`<y xmlns="urn:y">${'<y/>'.repeat(19_000)}</y>`),
    namespaces: put(`<y ${spaces}/>`),
    attributes: put(`<y ${attributes}/>`),
    depth: put(`${'<y>'.repeat(35)}${'</y>'.repeat(35)}`),
  }
  for (const [kind, bomb] of Object.entries(hostile))
    await assert.rejects(read(bomb), { name: 'Problem', message: /is too large$/ }, kind)
})

test('somebody with five hundred groups signs in', async () => {
  const groups = Array.from({ length: 500 }, (_, index) => `group ${index}`)
  assert.deepEqual((await read(good('response', groups))).claims['role'], groups)
})

const entity = (id: string, more = '', certificate = key.certificate): string =>
  `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="${id}" ${more}><IDPSSODescriptor>` +
  '<KeyDescriptor><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>' +
  `${certificate.replaceAll(/-----[^-]*-----/g, '')}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>` +
  '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" ' +
  `Location="https://${id}/post"/><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" ` +
  `Location="https://${id}/sso"/></IDPSSODescriptor></EntityDescriptor>`

test('of the metadata of several providers the named one counts, while they are valid, with keys that are strong enough', () => {
  const both = `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">${entity('a')}${entity('b')}</EntitiesDescriptor>`
  assert.deepEqual(readMetadata(both, 'b').signOn, 'https://b/sso')
  assert.throws(() => readMetadata(both, undefined), /several identity providers/)
  assert.throws(() => readMetadata(both, 'c'), /describe no identity provider named c/)
  const dated = entity('a', 'validUntil="2030-01-01T00:00:00Z"')
  assert.equal(readMetadata(dated, undefined).entityId, 'a')
  assert.throws(() => stillGood(readMetadata(dated, undefined), Date.parse('2031-01-01')), /ran out/)
  assert.throws(
    () => readMetadata(entity('a', '', makeKey(1024).certificate), undefined),
    /no certificate with an RSA key of 2048 bits/,
  )
})

for (const kind of databases) {
  test(`what was used stays used after a restart, until it has run out (${kind.name})`, async () => {
    const { url, dispose } = await kind.open()
    let now = 1000
    const used = async (provider: string, expires: number): Promise<boolean> => {
      await using database = await openDatabase({ url, serverName: 'one.test' })
      return useOnceIn(database, () => now, provider)('assertion _1', expires)
    }
    try {
      assert.equal(await used('saml', 5000), true)
      assert.equal(await used('saml', 5000), false)
      assert.equal(await used('other', 5000), true, 'of another provider')
      now = 6000
      assert.equal(await used('saml', 9000), true)
    } finally {
      await dispose()
    }
  })
}
