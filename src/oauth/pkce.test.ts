import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isChallenge, provesChallenge } from './pkce.ts'

// The pair of RFC 7636, appendix B.
const [verifier, challenge] = [
  'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
  'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
]

test('a verifier proves the challenge that was made of it, and no other', () => {
  assert.ok(isChallenge(challenge) && provesChallenge(verifier, challenge))
  assert.ok(!provesChallenge(verifier, `${challenge.slice(0, -1)}A`))
  // The verifier itself is what the method "plain" would have for a challenge.
  assert.ok(!provesChallenge(challenge, challenge))
})

test('what is too short, too long or of other letters is neither', () => {
  for (const text of ['', 'x'.repeat(42), 'x'.repeat(44), `${'x'.repeat(42)}=`, `${'x'.repeat(42)}+`])
    assert.ok(!isChallenge(text), text)
  for (const text of ['', 'x'.repeat(42), 'x'.repeat(129), `${'x'.repeat(50)} `])
    assert.ok(!provesChallenge(text, challenge), text)
})
