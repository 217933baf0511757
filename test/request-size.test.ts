import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startServer } from './harness/server.ts'

test('a body larger than max_request_size is refused with 413, whatever the endpoint', async () => {
  await using server = await startServer({ max_request_size: 10_000 })
  const alice = await server.login('alice')
  assert.equal(
    await alice.refusal('PUT', `/user/${encodeURIComponent(alice.userId)}/account_data/test.big`, {
      text: 'x'.repeat(20_000),
    }),
    '413 M_TOO_LARGE',
  )
  await alice.req('PUT', `/user/${encodeURIComponent(alice.userId)}/account_data/test.small`, {
    text: 'x'.repeat(5000),
  })
})
