// A SAML provider ends a session of its, and ours end.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser, send } from '../../../test/harness/identity-provider.ts'
import { makeKey } from '../../../test/harness/saml-idp.ts'
import { tokenOf } from '../../../test/harness/sso-world.ts'
import { type SamlWorld, withSaml } from '../../../test/harness/saml-world.ts'

const signOut = async (home: string, xml: string): Promise<number> =>
  (
    await send(`${home}/_latchkey/sso/saml/logout`, {
      method: 'POST',
      body: new URLSearchParams({ SAMLRequest: Buffer.from(xml).toString('base64') }),
    })
  ).status

const signIn = async ({ ask, arrive }: SamlWorld, device: string): Promise<string> =>
  String(
    (
      await ask('POST', '/login', {
        type: 'm.login.token',
        token: tokenOf(await arrive(openBrowser())),
        device_id: device,
      })
    ).body['access_token'],
  )

test('what a provider ends is ended, softly: a session, or whatever a person has', () =>
  withSaml({}, async (world) => {
    const { home, ask, saml } = world
    saml.says = { session: 'one' }
    const first = await signIn(world, 'ONE')
    saml.says = { session: 'two' }
    const second = await signIn(world, 'TWO')
    const status = async (token: string): Promise<unknown[]> => {
      const { status, body } = await ask('GET', '/account/whoami', undefined, token)
      return [status, body['soft_logout']]
    }
    assert.equal(await signOut(home, saml.signOut({ session: 'one' })), 200)
    assert.deepEqual(
      [await status(first), await status(second)],
      [
        [401, true],
        [200, undefined],
      ],
    )
    assert.equal(await signOut(home, saml.signOut({ session: '' })), 200)
    assert.deepEqual(await status(second), [401, true])
  }))

test('an index that sessions of others have too ends those of the person alone', () =>
  withSaml({}, async (world) => {
    const { home, ask, saml } = world
    saml.says = { session: '1' }
    const alice = await signIn(world, 'ONE')
    saml.says = { session: '1', nameId: 'id-bob', attributes: { uid: ['bob'], mail: ['bob@example.org'] } }
    const bob = await signIn(world, 'TWO')
    const status = async (token: string): Promise<unknown> =>
      (await ask('GET', '/account/whoami', undefined, token)).status
    assert.equal(await signOut(home, saml.signOut({ session: '1' })), 200)
    assert.deepEqual([await status(alice), await status(bob)], [401, 200])
  }))

test('a request that the provider did not sign, for this server, just now, ends nothing', () =>
  withSaml({}, async (world) => {
    const { home, ask, saml } = world
    const access = await signIn(world, 'PHONE')
    const other = saml.signOut({ session: 'other' })
    const signature = /<Signature[\s\S]*<\/Signature>/.exec(other)?.[0] ?? ''
    for (const [what, xml] of Object.entries({
      unsigned: saml.signOut({ sign: false }),
      'of another key': saml.signOut({ key: makeKey() }),
      'with SHA-1': saml.signOut({ algorithm: 'sha1' }),
      'of another provider': saml.signOut({ issuer: 'x' }),
      'sent elsewhere': saml.signOut({ destination: 'https://other.test/logout' }),
      old: saml.signOut({ shift: -400 }),
      'not yet made': saml.signOut({ shift: 400 }),
      changed: other.replace('>other<', '>s1<'),
      'with another session': other.replace(
        '<samlp:SessionIndex>',
        '<samlp:SessionIndex>s1</samlp:SessionIndex><samlp:SessionIndex>',
      ),
      'with a comment': other.replace('>other<', '>s1<!-- -->other<'),
      'signed elsewhere': saml.signOut({ sign: false }).replace('</saml:Issuer>', `</saml:Issuer>${signature}`),
      wrapped: saml
        .signOut({ sign: false })
        .replace(
          '</saml:Issuer>',
          `</saml:Issuer>${signature.replace('</Signature>', `<Object>${other.replace(signature, '')}</Object></Signature>`)}`,
        ),
      'a response': saml.respond(),
      'not XML': 'x',
    })) {
      assert.equal(await signOut(home, xml), 400, what)
      assert.equal((await ask('GET', '/account/whoami', undefined, access)).status, 200, what)
    }
    assert.equal(
      (
        await send(`${home}/_latchkey/sso/saml/logout`, {
          method: 'POST',
          body: new URLSearchParams({ logout_token: 'x' }),
        })
      ).status,
      400,
    )
    const good = saml.signOut()
    assert.deepEqual([await signOut(home, good), await signOut(home, good)], [200, 400], 'good once')
    assert.equal((await ask('GET', '/account/whoami', undefined, access)).status, 401)
  }))

test('who names people by an attribute is not believed by the name of the assertion', () =>
  withSaml({ provider: { subject_attribute: 'uid' } }, async (world) => {
    assert.equal(await signOut(world.home, world.saml.signOut({ session: '' })), 400)
    assert.equal(await signOut(world.home, world.saml.signOut()), 200)
  }))

test('a provider is not listened to where the configuration says so', () =>
  withSaml({ provider: { backchannel_logout: 'off' } }, async ({ home, saml }) => {
    assert.equal(await signOut(home, saml.signOut()), 400)
  }))
