// Sign-in by SAML, against an identity provider that can be made to lie.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openBrowser, send } from '../../../test/harness/identity-provider.ts'
import { makeKey } from '../../../test/harness/saml-idp.ts'
import { app, tokenOf } from '../../../test/harness/sso-world.ts'
import { defaultConfig } from '../../config/index.ts'
import { createOutgoing } from '../../http/index.ts'
import { policiesOf } from '../../identity/index.ts'
import { samlChecks } from './checks.ts'
import { explainResponse } from './explain.ts'
import { post, withSaml } from '../../../test/harness/saml-world.ts'

test('whoever the provider vouches for is signed in, with what it says of them', () =>
  withSaml(
    { provider: { rules: ['groups contains chat'], attributes: [{ attribute: 'urn:oid:1.2', claim: 'groups' }] } },
    async ({ arrive, ask, saml }) => {
      saml.says = { attributes: { uid: 'alice', cn: 'Alice & <Co>', 'urn:oid:1.2': ['chat', 'staff'] } }
      const landing = await arrive()
      assert.match(landing.url, /^https:\/\/app\.example\.test\/\?loginToken=lkl_/)
      const session = await ask('POST', '/login', { type: 'm.login.token', token: tokenOf(landing) })
      assert.equal(session.body['user_id'], '@alice:one.test')
      assert.equal((await ask('GET', '/profile/@alice:one.test')).body['displayname'], 'Alice & <Co>')
      assert.match(
        saml.request.xml,
        /AssertionConsumerServiceURL="http:\/\/127\.0\.0\.1:\d+\/_latchkey\/sso\/saml\/callback"/,
      )
      assert.doesNotMatch(saml.request.xml, /ForceAuthn/)
      assert.ok(saml.request.relay.length <= 80)
      saml.says = { attributes: { uid: 'alice', 'urn:oid:1.2': 'staff' } }
      assert.equal((await arrive()).status, 403, 'the rule does not hold')
      assert.equal(saml.asked, 1, 'the metadata are read once')
    },
  ))

test('a response that is signed around the assertion counts as well, unless more is asked for', async () => {
  await withSaml({}, async ({ bring }) => {
    for (const sign of ['assertion', 'response', 'both'] as const)
      assert.equal((await bring({ sign })).status, 303, sign)
  })
  await withSaml({ provider: { signed: 'both' } }, async ({ bring }) => {
    assert.deepEqual(
      [(await bring({ sign: 'assertion' })).status, (await bring({ sign: 'response' })).status],
      [502, 502],
    )
    assert.equal((await bring({ sign: 'both' })).status, 303)
  })
  await withSaml({ provider: { signed: 'response' } }, async ({ bring }) =>
    assert.equal((await bring({ sign: 'assertion' })).status, 502),
  )
})

test('what is not signed by the provider, for this server, now, and as an answer, is refused on a page', () =>
  withSaml({}, async ({ bring, said }) => {
    const stranger = makeKey()
    const lies: [string, Parameters<typeof bring>[0], number][] = [
      ['unsigned', { sign: 'none' }, 502],
      ['signed by somebody else', { key: stranger }, 502],
      ['signed with SHA-1', { algorithm: 'sha1' }, 502],
      ['of another issuer', { issuer: 'https://other.test' }, 502],
      ['for another audience', { audience: 'https://other.test/metadata' }, 502],
      ['for another recipient', { recipient: 'https://other.test/callback' }, 502],
      ['sent to another place', { destination: 'https://other.test/callback' }, 502],
      ['run out', { shift: -400 }, 502],
      ['not valid yet', { shift: 400 }, 502],
      ['an answer to another request', { request: '_other' }, 502],
      ['of nobody', { nameId: '' }, 502],
      ['of somebody for now only', { format: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' }, 502],
      ['a refusal', { status: 'Responder' }, 502],
      ['a cancellation', { status: 'AuthnFailed' }, 403],
      ['changed', (xml) => xml.replace('>id-alice<', '>id-admin<'), 502],
      ['changed in an attribute', (xml) => xml.replace('>alice<', '>admin<'), 502],
      ['with a comment in the name', (xml) => xml.replace('>id-alice<', '>id-<!-- x -->alice<'), 502],
      ['with a comment elsewhere', (xml) => xml.replace('<samlp:Status>', '<!-- x --><samlp:Status>'), 502],
      ['with an instruction', (xml) => xml.replace('>id-alice<', '>id-alice<?x y?><'), 502],
      ['with a document type', (xml) => `<!DOCTYPE x [<!ENTITY e "id-admin">]>${xml}`, 502],
      ['without its assertion', (xml) => xml.replace(/<saml:Assertion[\s\S]*<\/saml:Assertion>/, ''), 502],
      ['without its signature', (xml) => xml.replace(/<Signature[\s\S]*<\/Signature>/, ''), 502],
      ['with another confirmation', (xml) => xml.replace('cm:bearer', 'cm:sender-vouches'), 502],
      ['not XML', () => 'hello', 502],
      ['nothing', () => '', 502],
      ['a document of another kind', () => '<a xmlns="urn:oasis:names:tc:SAML:2.0:protocol"/>', 502],
    ]
    for (const [what, bend, status] of lies) {
      const answer = await bring(bend)
      assert.equal(answer.status, status, `${what}: ${answer.text}`)
      assert.match(answer.text, /<h1>That did not work<\/h1>/, what)
      assert.doesNotMatch(answer.text, /id-alice|lkl_/, what)
    }
    assert.equal((await bring({})).status, 303, 'a good one')
    assert.ok(
      said.some(({ msg }) => /audience.*https:\/\/other\.test/.test(msg)),
      'the log says why',
    )
  }))

test('wrapping a signed assertion in another one gets nobody anywhere', () =>
  withSaml({}, async ({ bring }) => {
    const assertionOf = (xml: string): string => /<saml:Assertion[\s\S]*<\/saml:Assertion>/.exec(xml)?.[0] ?? ''
    const signatureOf = (xml: string): string => /<Signature[\s\S]*<\/Signature>/.exec(xml)?.[0] ?? ''
    const evil = (xml: string, id = '_evil'): string =>
      assertionOf(xml)
        .replace(signatureOf(xml), '')
        .replace(/ID="[^"]*"/, `ID="${id}"`)
        .replace('id-alice', 'id-admin')
    const idOf = (xml: string): string => /<saml:Assertion ID="([^"]*)"/.exec(xml)?.[1] ?? ''
    const wrappings: ((xml: string) => string)[] = [
      (xml) => xml.replace(assertionOf(xml), evil(xml) + assertionOf(xml)),
      (xml) => xml.replace(assertionOf(xml), assertionOf(xml) + evil(xml)),
      (xml) =>
        xml.replace(
          assertionOf(xml),
          evil(xml).replace(
            '</saml:Issuer>',
            `</saml:Issuer>${signatureOf(xml).replace('</Signature>', `<Object>${assertionOf(xml).replace(signatureOf(xml), '')}</Object></Signature>`)}`,
          ),
        ),
      (xml) =>
        xml.replace(assertionOf(xml), evil(xml).replace('</saml:Assertion>', `${assertionOf(xml)}</saml:Assertion>`)),
      (xml) => xml.replace(assertionOf(xml), evil(xml).replace('</saml:Issuer>', `</saml:Issuer>${signatureOf(xml)}`)),
      (xml) =>
        xml.replace(
          assertionOf(xml),
          evil(xml, idOf(xml)).replace('</saml:Issuer>', `</saml:Issuer>${signatureOf(xml)}`),
        ),
      (xml) =>
        xml
          .replace('<samlp:Status>', `<samlp:Extensions>${assertionOf(xml)}</samlp:Extensions><samlp:Status>`)
          .replace(/(<\/samlp:Status>)<saml:Assertion[\s\S]*<\/saml:Assertion>/, `$1${evil(xml)}`),
      (xml) =>
        `${xml.slice(0, xml.indexOf('<samlp:Status>'))}<samlp:Extensions>${xml}</samlp:Extensions>` +
        xml.slice(xml.indexOf('<samlp:Status>')).replace(assertionOf(xml), evil(xml)),
      (xml) =>
        xml.replace('<saml:Subject>', '<saml:Subject><saml:NameID>id-admin</saml:NameID></saml:Subject><saml:Subject>'),
    ]
    for (const [index, wrap] of wrappings.entries()) assert.equal((await bring(wrap)).status, 502, `wrapping ${index}`)
  }))

test('a response is good once, for the browser that left, whatever RelayState says', () =>
  withSaml({}, async ({ home, leave, saml }) => {
    const [mine, theirs] = [openBrowser(), openBrowser()]
    await leave(mine)
    const [xml, relay] = [saml.respond(), saml.request.relay]
    const first = await post(home, xml, relay)
    const next = `${home}${first.headers.get('location')}`
    assert.equal(first.status, 303)
    assert.match(first.headers.get('location') ?? '', /^\/_latchkey\/sso\/saml\/arrived\?ticket=/)
    assert.equal((await theirs.go(next)).status, 400, 'a browser that did not leave')
    assert.equal((await mine.go(next)).status, 400, 'a ticket that was shown elsewhere')
    assert.equal((await post(home, xml, relay)).status, 400, 'the same once more')
    for (const made of ['', 'https://evil.test/', 'x'.repeat(22)]) {
      await leave(mine)
      assert.equal((await post(home, saml.respond(), made)).status, 400, `RelayState ${made}`)
    }
    await leave(mine)
    assert.equal((await post(home, xml, saml.request.relay)).status, 502, 'the answer to an earlier request')
    await leave(mine)
    const again = saml.respond({ id: /ID="_a([^"]*)"/.exec(xml)?.[1] ?? '' })
    assert.equal((await post(home, again, saml.request.relay)).status, 400, 'an id that was used')
    assert.equal((await send(`${home}/_latchkey/sso/saml/callback?state=x`)).status, 400, 'not as a query')
    assert.equal((await post(home.replace('saml', 'idp'), xml, relay)).status, 400)
  }))

test('what has to be confirmed is confirmed by signing in anew, and by nothing older', () =>
  withSaml({}, async ({ home, ask, arrive, saml }) => {
    const browser = openBrowser()
    const session = (await ask('POST', '/login', { type: 'm.login.token', token: tokenOf(await arrive(browser)) })).body
    const access = String(session['access_token'])
    const id = String((await ask('POST', '/delete_devices', { devices: ['X'] }, access)).body['session'])
    const page = `${home}/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${id}`
    saml.says = { authenticated: Date.now() - 600_000 }
    const stale = await browser.submit(
      await browser.follow(await browser.go(page), '/sso/saml/confirm'),
      '/sso/saml/callback',
    )
    assert.deepEqual([stale.status, /not asked to sign in anew/.test(stale.text)], [403, true])
    assert.match(saml.request.xml, /ForceAuthn="true"/)
    saml.says = {}
    assert.match(
      (await browser.submit(await browser.follow(await browser.go(page), '/sso/saml/confirm'), '/sso/saml/callback'))
        .text,
      /Confirmed/,
    )
    assert.equal((await ask('POST', '/delete_devices', { devices: ['X'], auth: { session: id } }, access)).status, 200)
    const account = await browser.submit(await browser.go(`${home}/account/sign-in/saml`), '/sso/saml/callback')
    assert.match(account.text, /Old School/)
  }))

test('a session ends with that of the provider, where it is to, and one that is over opens none', async () => {
  await withSaml({ provider: { session_until: 'token_expiry' } }, async ({ arrive, ask, bring, saml }) => {
    saml.says = { ends: 3600 }
    const { body } = await ask('POST', '/login', { type: 'm.login.token', token: tokenOf(await arrive()) })
    const left = Number(body['expires_in_ms'])
    assert.ok(left > 3_500_000 && left <= 3_600_000, String(left))
    assert.equal(body['refresh_token'], undefined)
    assert.equal((await bring({ ends: -100 })).status, 502)
  })
  await withSaml({}, async ({ arrive, ask, saml }) => {
    saml.says = { ends: 3600 }
    assert.equal(
      (await ask('POST', '/login', { type: 'm.login.token', token: tokenOf(await arrive()) })).body['expires_in_ms'],
      undefined,
    )
  })
})

test('somebody with a password links their SAML sign-in on the account page', () =>
  withSaml({}, async ({ home, ask, arrive, saml }) => {
    await ask('POST', '/register', { username: 'carol', password: 'a long password', auth: { type: 'm.login.dummy' } })
    const browser = openBrowser()
    const page = await browser.submit(await browser.go(`${home}/account`), '/account/sign-in', {
      user: 'carol',
      password: 'a long password',
    })
    const question = await browser.submit(await browser.follow(page, '/account/link/saml'), '/sso/saml/callback')
    assert.match(question.text, /id-alice of Old School will be able to sign in to @carol:one\.test/)
    assert.match(saml.request.xml, /ForceAuthn="true"/)
    assert.match((await browser.submit(question, '/account/link')).text, /The sign-in is linked/)
    assert.equal(
      (await ask('POST', '/login', { type: 'm.login.token', token: tokenOf(await arrive()) })).body['user_id'],
      '@carol:one.test',
    )
  }))

test('the provider learns of this server by its metadata, and requests are signed where there is a key', async () => {
  const { privateKey, certificate } = makeKey()
  await withSaml(
    {
      provider: {
        request_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
        request_certificate: certificate,
        name_id_format: 'email',
      },
    },
    async ({ home, leave, saml }) => {
      const reply = await send(`${home}/_latchkey/sso/saml/metadata`)
      assert.equal(reply.headers.get('content-type'), 'application/samlmetadata+xml')
      const xml = await reply.text()
      for (const part of [
        `entityID="${home}/_latchkey/sso/saml/metadata"`,
        `Location="${home}/_latchkey/sso/saml/callback"`,
        'AuthnRequestsSigned="true"',
        'bindings:HTTP-POST',
        'nameid-format:emailAddress',
        'X509Certificate',
      ]) {
        assert.ok(xml.includes(part), `${part} in ${xml}`)
      }
      await leave()
      assert.equal(saml.request.query.get('SigAlg'), 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256')
      assert.ok((saml.request.query.get('Signature') ?? '').length > 300)
      assert.equal((await send(`${home}/_latchkey/sso/idp/metadata`)).status, 404)
    },
  )
})

test('new keys of the provider are found in its metadata, which nobody can have fetched over and over', () =>
  withSaml({}, async ({ bring, saml, said }) => {
    assert.equal((await bring({})).status, 303)
    saml.key = makeKey()
    assert.equal((await bring({})).status, 502, 'within the first minute')
    assert.equal(saml.asked, 1)
    for (let count = 0; count < 5; count++) await bring({ key: makeKey() })
    assert.equal(saml.asked, 1)
    assert.ok(said.length > 0)
  }))

test('a provider without metadata, and a subject of an attribute', async () => {
  await withSaml({}, async ({ saml: { key } }) => {
    await withSaml(
      {
        provider: {
          metadata_url: undefined,
          sign_on_url: 'http://127.0.0.1:9/sso',
          entity_id: 'urn:test:idp',
          certificate: [key.certificate],
        },
      },
      async ({ home }) => {
        const left = await send(
          `${home}/_matrix/client/v3/login/sso/redirect/saml?redirectUrl=${encodeURIComponent(app)}`,
        )
        assert.match(left.headers.get('location') ?? '', /^http:\/\/127\.0\.0\.1:9\/sso\?SAMLRequest=/)
      },
    )
  })
  await withSaml({ provider: { subject_attribute: 'uid' } }, async ({ bring, arrive, ask, server }) => {
    assert.equal((await bring({ attributes: {} })).status, 502)
    assert.equal((await bring({ attributes: { uid: ['a', 'b'] } })).status, 502)
    const { body } = await ask('POST', '/login', { type: 'm.login.token', token: tokenOf(await arrive()) })
    const user = await server.users.findByLocalpart('alice')
    assert.deepEqual(
      (await server.identities.links.of(user?.nid ?? 0)).map(({ provider, subject }) => [provider, subject]),
      [['saml', 'alice']],
      JSON.stringify(body),
    )
  })
})

test('a provider that is not there is said to be away', () =>
  withSaml({ provider: { metadata_url: 'http://127.0.0.1:9/metadata' } }, async ({ leave }) => {
    const page = await leave()
    assert.deepEqual([page.status, /does not answer/.test(page.text)], [502, true])
  }))

test('what becomes of a response is explained, without asking whether it answers anything', () =>
  withSaml({ provider: { rules: ['uid equals alice'] } }, async ({ saml, home, leave }) => {
    await leave()
    await using outgoing = createOutgoing()
    const config = defaultConfig({
      server_name: 'one.test',
      public_base_url: home,
      identity_providers: [
        {
          id: 'saml',
          type: 'saml',
          metadata_url: `${saml.url}/metadata`,
          rules: ['uid equals alice'],
          mapping: { localpart: ['{uid}'] },
        },
      ],
    })
    const deps = {
      outgoing,
      now: () => Date.now(),
      policies: policiesOf(config).policies,
      serverName: 'one.test',
      publicUrl: home,
      entries: config.identity_providers,
    }
    const explain = (xml: string) => explainResponse(deps, Buffer.from(xml).toString('base64'))
    const good = await explain(saml.respond())
    assert.deepEqual([good?.accepted, good?.user, good?.provider], [true, '@alice:one.test', 'saml'])
    const problems = await Promise.all(
      [
        saml.respond({ sign: 'none' }),
        saml.respond({ audience: 'x' }),
        saml.respond({ shift: -4000 }),
        saml.respond({ issuer: 'x' }),
        saml.respond({ nameId: '' }),
        '<a/>',
        saml.respond({ attributes: { uid: 'bob' } }),
      ].map(async (xml) => (await explain(xml))?.steps.at(-1)?.rule),
    )
    assert.deepEqual(problems, ['signature', 'audience', 'times', 'issuer', 'subject', 'form', 'rule'])
    assert.equal(await explainResponse(deps, 'eyJhbGciOiJIUzI1NiJ9.e30.x'), undefined)
  }))

test('a configuration that cannot work is refused, with the reason', () => {
  const weak = makeKey(1024).certificate
  const [key, other] = [makeKey(), makeKey()]
  const pem = key.privateKey.export({ type: 'pkcs8', format: 'pem' })
  const about = (entry: object): string[] =>
    samlChecks(
      defaultConfig({
        public_base_url: 'https://one.test',
        identity_providers: [{ id: 'saml', type: 'saml', ...entry }],
      }),
      0,
    ).map(({ level, message }) => `${level} ${message}`)
  const metadata = { metadata_url: 'https://idp.test/metadata' }
  assert.deepEqual(about(metadata), [])
  for (const [entry, expected] of [
    [{}, /error.*says it by 0/],
    [{ ...metadata, sign_on_url: 'https://idp.test/' }, /error.*says it by 2/],
    [{ ...metadata, certificate: [key.certificate] }, /error.*in its metadata/],
    [{ sign_on_url: 'https://idp.test/', certificate: [key.certificate] }, /error.*entity_id" is missing/],
    [{ sign_on_url: 'https://idp.test/', entity_id: 'x' }, /error.*certificate" is missing/],
    [{ sign_on_url: 'https://idp.test/', entity_id: 'x', certificate: [weak] }, /error.*1024 bits/],
    [{ sign_on_url: 'https://idp.test/', entity_id: 'x', certificate: ['x'] }, /error.*cannot be used/],
    [{ ...metadata, request_key: pem }, /error.*belong together/],
    [{ ...metadata, request_key: pem, request_certificate: other.certificate }, /error.*not that of request_key/],
    [{ ...metadata, request_key: 'x', request_certificate: key.certificate }, /error.*cannot be read/],
    [{ metadata_url: 'http://idp.test/metadata' }, /warning.*not encrypted/],
    [{ metadata_file: '/nowhere' }, /error.*cannot be used/],
  ] as const)
    assert.match(about(entry).join('\n'), expected)
  assert.deepEqual(about({ ...metadata, request_key: pem, request_certificate: key.certificate }), [])
})
