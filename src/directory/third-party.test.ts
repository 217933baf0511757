import assert from 'node:assert/strict'
import { enc, over } from './fixture.test.ts'

over('no other network can be reached', async ({ ask, outcome }) => {
  assert.deepEqual((await ask('alice', 'GET', '/thirdparty/protocols')).body, {})
  assert.equal(await outcome('alice', 'GET', '/thirdparty/protocol/irc'), '404 M_NOT_FOUND')
  assert.equal(await outcome('alice', 'GET', '/thirdparty/location/irc?channel=x'), '404 M_NOT_FOUND')
  assert.equal(await outcome('alice', 'GET', '/thirdparty/user/irc'), '404 M_NOT_FOUND')
  assert.deepEqual((await ask('alice', 'GET', `/thirdparty/location?alias=${enc('#a:one.test')}`)).body, [])
  assert.deepEqual((await ask('alice', 'GET', `/thirdparty/user?userid=${enc('@a:one.test')}`)).body, [])
  assert.equal(await outcome(undefined, 'GET', '/thirdparty/protocols'), '401 M_MISSING_TOKEN')
})
