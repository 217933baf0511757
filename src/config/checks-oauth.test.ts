import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, type ConfigInput, defaultConfig } from './index.ts'

const keysOf = (input: ConfigInput): string[] => {
  try {
    defaultConfig(input)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.findings.map(({ key }) => key)
  }
}
const client = { id: 'a', secret: 'x'.repeat(32) }

test('whoever turns the old ways off needs OAuth 2.0', () => {
  assert.deepEqual(keysOf({ legacy_login: false }), ['legacy_login'])
  assert.deepEqual(keysOf({ legacy_login: false, public_base_url: 'http://matrix.example.org' }), [
    'legacy_login',
    'public_base_url',
  ])
  assert.deepEqual(keysOf({ legacy_login: false, public_base_url: 'https://m.example', oauth: 'off' }), [
    'legacy_login',
  ])
  assert.deepEqual(keysOf({ legacy_login: false, public_base_url: 'https://m.example' }), [])
})

test('a client of the operator has an id of its own, what it proves itself with, and providers that there are', () => {
  const of = (...clients: { id: string; [key: string]: unknown }[]): string[] => keysOf({ oauth: { clients } })
  assert.deepEqual(of(client), [])
  assert.deepEqual(of(client, client), ['oauth.clients[1].id'])
  assert.deepEqual(of({ id: 'a', introspection: true }), ['oauth.clients[0].introspection'])
  assert.deepEqual(of({ id: 'a', secret: 'short' }), ['oauth.clients[0].secret'])
  assert.deepEqual(of({ ...client, jwks: '{"keys":[{}]}' }), ['oauth.clients[0].jwks'])
  assert.deepEqual(of({ id: 'a', jwks: '{"keys":[]}' }), ['oauth.clients[0].jwks'])
  assert.deepEqual(of({ ...client, providers: ['nobody', 'jwt_config'] }), ['oauth.clients[0].providers'])
  assert.deepEqual(of({ ...client, redirect_uris: ['https://a.example/#x', 'javascript:x', 'https://a.example/'] }), [
    'oauth.clients[0].redirect_uris',
    'oauth.clients[0].redirect_uris',
  ])
})
