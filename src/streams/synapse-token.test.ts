import assert from 'node:assert/strict'
import { test } from 'node:test'
import { synapsePosition } from './synapse-token.ts'

test('a token of a Synapse says after which event it stands', () => {
  for (const [token, position] of [
    ['s72595_4483_1934_33_1_2_3_4_5', 72595],
    ['s12', 12],
    ['t426-2633508_17_338_6732159_1082514_541479_274711_265584_1', 2633508],
    ['t426--18_0_0', -18],
    ['m56~2.58~3.59_1_2', 56],
  ] as const)
    assert.equal(synapsePosition(token), position, token)
})

test('anything else is none', () => {
  for (const token of ['', '12', 's', 'sx_1', 's12x', 't12_1', 'm_1', 's1234567890123456_1', ' s1_1', 't1-_2'])
    assert.equal(synapsePosition(token), undefined, token)
})
