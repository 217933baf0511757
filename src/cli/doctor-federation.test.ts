import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNetwork } from '../../test/harness/federation.ts'
import type { Diagnosis } from './diagnosis.ts'
import { lookAtFederation } from './doctor-federation.ts'

const look = async (config: Parameters<typeof lookAtFederation>[0]): Promise<Diagnosis[]> =>
  Array.fromAsync(lookAtFederation(config, Date.now))

test('the doctor finds a server as others do, and says what is wrong where it is not to be found', async () => {
  await using net = await startNetwork(['hs1.test', 'hs2.test'])
  const { config } = net.at('hs1.test').homeserver
  const [good] = await look(config)
  assert.equal(good?.state, 'ok')
  assert.match(good?.says ?? '', /they find it at 127\.0\.0\.1:\d+, and it shows its keys/)

  // Its name leads to another server, whose certificate is for another name.
  const { hosts } = config.federation
  const astray = { ...config, federation: { ...config.federation, hosts: { ...hosts, 'hs1.test': hosts['hs2.test'] } } }
  const [wrong] = await look(astray)
  assert.deepEqual([wrong?.state, wrong?.says.includes('they do not reach it')], ['error', true])
  assert.match(wrong?.cure ?? '', /well-known\/matrix\/server/)

  const off = { ...config, federation: { ...config.federation, enabled: false } }
  assert.deepEqual(await look(off), [{ state: 'ok', about: 'other servers', says: 'they are not talked to.' }])
})
