import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from './finding.ts'
import { defaultConfig, loadConfig } from './load.ts'

const keysOf = (turn: object, transports: object[] = []): string[] => {
  try {
    defaultConfig({ turn, rtc_transports: transports as { type: string }[] })
    return []
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.findings.filter(({ level }) => level === 'error').map(({ key }) => key)
  }
}

const uris = ['turn:turn.example.org?transport=udp']

test('TURN servers need a secret, or a name and a password', () => {
  assert.deepEqual(keysOf({}), [])
  assert.deepEqual(keysOf({ uris, shared_secret: 'hush' }), [])
  assert.deepEqual(keysOf({ uris, username: 'a', password: 'b' }), [])
  assert.deepEqual(keysOf({ uris }), ['turn.shared_secret'])
  assert.deepEqual(keysOf({ uris, username: 'a' }), ['turn.shared_secret'])
  assert.deepEqual(keysOf({ uris: ['https://turn.example.org'], shared_secret: 'hush' }), ['turn.uris[0]'])
})

test('the transports of calls say of which type they are', () => {
  assert.deepEqual(keysOf({}, [{ type: 'livekit', livekit_service_url: 'https://a.test' }]), [])
  assert.deepEqual(keysOf({}, [{ type: 'livekit' }, { livekit_service_url: 'https://a.test' }]), ['rtc_transports[1]'])
})

test('a secret without a TURN server is warned of', async () => {
  const { warnings } = await loadConfig({
    env: { LATCHKEY_SERVER_NAME: 'a.org', LATCHKEY_TURN__SHARED_SECRET: 'hush' },
    cwd: '/',
  })
  assert.deepEqual(
    warnings.map(({ key }) => key),
    ['turn.uris'],
  )
})
