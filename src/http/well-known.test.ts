import assert from 'node:assert/strict'
import { test } from 'node:test'
import { serve } from './fixture.test.ts'
import { capabilitiesRoute, versionsRoute, wellKnownRoutes } from './index.ts'

test('discovery says where clients and servers reach this one, or that it does not say', async () => {
  await using told = serve(
    wellKnownRoutes({ baseUrl: 'https://m.example.org', federation: 'm.example.org:443', extra: { 'org.x': 1 } }),
  )
  const client = await told.http.inject('/.well-known/matrix/client')
  assert.deepEqual(client.json(), { 'org.x': 1, 'm.homeserver': { base_url: 'https://m.example.org' } })
  assert.equal(client.headers['access-control-allow-origin'], '*')
  assert.deepEqual((await told.http.inject('/.well-known/matrix/server')).json(), { 'm.server': 'm.example.org:443' })
  await using silent = serve(wellKnownRoutes({ baseUrl: undefined, federation: undefined }))
  for (const who of ['client', 'server']) {
    const answer = await silent.http.inject(`/.well-known/matrix/${who}`)
    assert.deepEqual([answer.statusCode, answer.json().errcode], [404, 'M_NOT_FOUND'])
  }
})

test('versions are told to anybody, even with a token that has expired; capabilities to who is signed in', async () => {
  await using s = serve([
    versionsRoute({ 'org.matrix.msc1': true }),
    capabilitiesRoute(() => ({ 'm.change_password': { enabled: false } })),
  ])
  const versions = await s.http.inject({
    url: '/_matrix/client/versions',
    headers: { authorization: 'Bearer expired' },
  })
  assert.deepEqual(versions.json().unstable_features, { 'org.matrix.msc1': true })
  for (const version of ['r0.0.1', 'r0.6.1', 'v1.1', 'v1.19']) assert.ok(versions.json().versions.includes(version))
  assert.equal((await s.http.inject('/_matrix/client/v3/capabilities')).statusCode, 401)
  const capabilities = await s.http.inject({
    url: '/_matrix/client/v3/capabilities',
    headers: { authorization: 'Bearer guest' },
  })
  assert.deepEqual(capabilities.json(), { capabilities: { 'm.change_password': { enabled: false } } })
})
