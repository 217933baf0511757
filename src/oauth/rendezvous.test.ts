// Where two devices meet to sign in by a QR code, as matrix-js-sdk does it and by hand.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from 'matrix-js-sdk'
import { MSC4108RendezvousSession } from 'matrix-js-sdk/lib/rendezvous/transports/index.js'
import { send } from '../../test/harness/identity-provider.ts'
import { withOAuth } from '../../test/harness/oauth-world.ts'

test('rendezvous', async (t) => {
  await withOAuth({}, async ({ home, ask, server }) => {
    await t.test('two devices at matrix-js-sdk exchange messages', async () => {
      const one = new MSC4108RendezvousSession({ client: createClient({ baseUrl: home }) })
      await one.send('')
      const two = new MSC4108RendezvousSession({ url: one.url ?? assert.fail('no address') })
      assert.equal(await two.receive(), '')
      await two.send('hello')
      assert.equal(await one.receive(), 'hello')
      await one.send('and back')
      assert.equal(await two.receive(), 'and back')
      await one.close()
      const gone = await send(one.url ?? '')
      assert.deepEqual([gone.status, ((await gone.json()) as { errcode: string }).errcode], [404, 'M_NOT_FOUND'])
    })

    await t.test('who has not read does not write over the other, and may repeat what was lost', async () => {
      const path = '/_matrix/client/unstable/io.element.msc4388/rendezvous'
      assert.deepEqual((await ask('GET', path)).body, { create_available: true })
      const { body: begun } = await ask('POST', path, { data: 'a' })
      const at = `${path}/${String(begun['id'])}`
      const first = await ask('PUT', at, { data: 'b', sequence_token: begun['sequence_token'] })
      assert.equal(first.status, 200)
      assert.deepEqual(await ask('PUT', at, { data: 'b', sequence_token: begun['sequence_token'] }), first)
      const late = await ask('PUT', at, { data: 'c', sequence_token: begun['sequence_token'] })
      assert.deepEqual([late.status, late.body['errcode']], [409, 'IO_ELEMENT_MSC4388_CONCURRENT_WRITE'])
      assert.equal((await ask('GET', at)).body['data'], 'b')
      const opened = await server.inject({ url: at, headers: { 'sec-fetch-mode': 'navigate' } })
      assert.equal(opened.statusCode, 403)
      assert.equal((await ask('DELETE', at)).status, 200)
      assert.equal((await ask('GET', at)).status, 404)
    })

    await t.test('there is little room, and not for many', async () => {
      const path = '/_matrix/client/unstable/io.element.msc4388/rendezvous'
      assert.equal((await ask('POST', path, { data: 'x'.repeat(4_097) })).status, 413)
      const statuses = []
      for (let at = 0; at < 130; at++) statuses.push((await ask('POST', path, { data: '' })).status)
      assert.ok(statuses.includes(200) && statuses.at(-1) === 429)
    })
  })
})
