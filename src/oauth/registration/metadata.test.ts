import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { OAuthError } from '../error.ts'
import { readMetadata, type RegistrationRules } from './metadata.ts'
import { isRegistered } from './redirects.ts'

const rules: RegistrationRules = {
  grants: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
  tryOut: false,
}
const web = {
  client_name: 'My App',
  client_uri: 'https://example.com/',
  redirect_uris: ['https://app.example.com/callback'],
}
const refusal = (body: unknown, more: Partial<RegistrationRules> = {}): string => {
  try {
    readMetadata(body, { ...rules, ...more })
    return 'taken'
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    return error.code
  }
}
/** How a redirect URI fares. */
const redirect = (uri: string, type: 'web' | 'native', more?: Partial<RegistrationRules>): string =>
  refusal({ ...web, application_type: type, redirect_uris: [uri] }, more)

test('the example of the specification is registered, less what is not known here', () => {
  const metadata = readMetadata(
    {
      ...web,
      'client_name#fr': 'Mon application',
      logo_uri: 'https://example.com/logo.png',
      tos_uri: 'https://example.com/tos.html',
      policy_uri: 'https://example.com/policy.html',
      token_endpoint_auth_method: 'none',
      response_types: ['code', 'token'],
      grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:token-exchange'],
      application_type: 'web',
    },
    rules,
  )
  assert.deepEqual(metadata, {
    ...web,
    logo_uri: 'https://example.com/logo.png',
    tos_uri: 'https://example.com/tos.html',
    policy_uri: 'https://example.com/policy.html',
    token_endpoint_auth_method: 'none',
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    application_type: 'web',
  })
})

test('redirect URIs of websites: those of the specification are taken and refused as it says', () => {
  for (const uri of [
    'https://example.com/callback',
    'https://app.example.com/callback',
    'https://example.com:5173/?query=value',
  ])
    assert.equal(redirect(uri, 'web'), 'taken', uri)
  for (const uri of [
    'https://example.com/callback#fragment',
    'https://example.com/callback#',
    'http://example.com/callback',
    'http://localhost/',
    'https://user@example.com/',
    'https://notexample.com/',
    'https://example.com.evil.org/',
    'https://example.com@evil.org/',
    'javascript:alert(1)',
    'com.example.app:/callback',
    'https://example.com/ callback',
    'https://example.com/\u200bcallback',
    '/callback',
    '',
  ])
    assert.equal(redirect(uri, 'web'), 'invalid_redirect_uri', uri)
})

test('redirect URIs of apps: those of the specification are taken and refused as it says', () => {
  for (const uri of [
    'com.example.app:/callback',
    'com.example:/',
    'com.example:callback',
    'http://localhost/callback',
    'http://127.0.0.1/callback',
    'http://[::1]/callback',
    'https://app.example.com/claimed',
  ])
    assert.equal(redirect(uri, 'native'), 'taken', uri)
  for (const uri of [
    'example:/callback',
    'com.example.app://callback',
    'com.examplez:/callback',
    'https://localhost/callback',
    'http://localhost:1234/callback',
    'http://localhost:80/callback',
    'http://127.0.0.2/callback',
    'http://me@localhost/callback',
    'javascript:alert(1)',
    'data:text/html,x',
  ])
    assert.equal(redirect(uri, 'native'), 'invalid_redirect_uri', uri)
})

test('an app may be answered on any port of its machine, and nowhere else', () => {
  const registered = ['http://localhost/callback', 'http://[::1]/c?x=1', 'com.example:/']
  for (const asked of [
    'http://localhost:1234/callback',
    'http://localhost/callback',
    'http://[::1]:9/c?x=1',
    'com.example:/',
  ])
    assert.ok(isRegistered(registered, 'native', asked), asked)
  for (const asked of [
    'http://localhost:1234/other',
    'http://127.0.0.1:1234/callback',
    'http://localhost:1234/callback/',
    'http://localhost:1234/callback?x',
    'http://localhost:1234/callback#x',
    'http://localhost:1234@evil.org/callback',
    'http://localhost.evil.org/callback',
    'http://localhost:x/callback',
    'com.example:/other',
  ])
    assert.ok(!isRegistered(registered, 'native', asked), asked)
  assert.ok(!isRegistered(['http://localhost/callback'], 'web', 'http://localhost:1/callback'))
  assert.ok(!isRegistered(['https://a.org/c'], 'web', 'https://a.org/c?x'))
})

test('what a client says of itself has to be its own', () => {
  for (const body of [
    null,
    [],
    'x',
    {},
    { ...web, client_uri: 'http://example.com/' },
    { ...web, client_uri: 'https://com/' },
    { ...web, client_uri: 'https://192.0.2.1/', redirect_uris: ['https://192.0.2.1/'] },
    { ...web, client_uri: 7 },
    { ...web, logo_uri: 'https://evil.org/logo.png' },
    { ...web, tos_uri: 'javascript:alert(1)' },
    { ...web, application_type: 'desktop' },
    { ...web, grant_types: 'authorization_code' },
    { ...web, client_name: ['x'] },
    { ...web, client_uri: `https://example.com/${'x'.repeat(3000)}` },
  ])
    assert.equal(refusal(body), 'invalid_client_metadata', JSON.stringify(body)?.slice(0, 200))
  for (const uris of [undefined, [], Array.from({ length: 21 }, (_, at) => `https://example.com/${at}`)])
    assert.equal(refusal({ ...web, redirect_uris: uris }), 'invalid_redirect_uri')
})

test('a name is shown as it is, without what cannot be seen', () => {
  const named = (name: string): string | undefined => readMetadata({ ...web, client_name: name }, rules).client_name
  assert.equal(named('  Ev\u202eil\u200b\nApp\0 '), 'EvilApp')
  assert.equal(named('\u200b'), undefined)
  assert.equal(named('ü'.repeat(300))?.length, 256)
})

test('websites of this machine are taken by a try-out alone', () => {
  const local = { client_uri: 'http://localhost:8080/', redirect_uris: ['http://localhost:8080/'] }
  assert.equal(refusal(local), 'invalid_client_metadata')
  assert.equal(refusal(local, { tryOut: true }), 'taken')
})

test('nothing that is registered breaks the reading of it', () => {
  const value = fc.oneof(
    fc.string(),
    fc.webUrl(),
    fc.array(fc.oneof(fc.string(), fc.webUrl(), fc.integer()), { maxLength: 4 }),
    fc.jsonValue(),
  )
  const keys = [
    'client_name',
    'client_uri',
    'logo_uri',
    'redirect_uris',
    'grant_types',
    'response_types',
    'application_type',
    '__proto__',
  ]
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...keys), value), fc.boolean(), (body, native) => {
      refusal({ ...web, ...body, ...(native && { application_type: 'native' }) })
    }),
    { numRuns: 50 },
  )
})
