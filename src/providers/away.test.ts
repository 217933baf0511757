// Whatever is wrong with one provider stops no other one, and not the server.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { defaultConfig } from '../config/index.ts'
import { openBrowser, send } from '../../test/harness/identity-provider.ts'
import { jwtConfig, signJwt } from '../../test/harness/jwt.ts'
import { freePort } from '../../test/harness/process.ts'
import { makeKey } from '../../test/harness/saml-idp.ts'
import { app, withSso } from '../../test/harness/sso-world.ts'
import { samlChecks } from './saml/checks.ts'

const until = Date.UTC(2030, 0, 1)
const key = makeKey()
const metadata = (validUntil: number): string =>
  `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="a" validUntil="${new Date(validUntil).toISOString()}">` +
  '<IDPSSODescriptor><KeyDescriptor><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>' +
  `${key.certificate.replaceAll(/-----[^-]*-----/g, '')}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>` +
  '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://a.test/sso"/></IDPSSODescriptor>' +
  '</EntityDescriptor>'

test('with every provider away but one the server is up, that one signs in, and each of the others says why it does not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-away-'))
  try {
    const [file, broken] = [join(folder, 'old.xml'), join(folder, 'broken.xml')]
    writeFileSync(file, metadata(until))
    writeFileSync(broken, metadata(until + 86_400_000))
    const dead = `127.0.0.1:${await freePort()}`
    let ahead = until - Date.now() + 1000
    const now = (): number => Date.now() + ahead
    const named = { public_key: undefined, issuer: 'https://keys.test', audiences: ['x'] }
    const config = {
      jwt_config: jwtConfig,
      identity_providers: [
        { id: 'openid', type: 'oidc', issuer: `http://${dead}`, client_id: 'x', client_secret: 'a secret of it' },
        { id: 'old', type: 'saml', metadata_file: file },
        { id: 'moved', type: 'saml', metadata_file: broken },
        { id: 'far', type: 'saml', metadata_url: `http://${dead}/metadata` },
        { id: 'cas', type: 'cas', url: `http://${dead}/cas` },
        { id: 'keys', type: 'jwt', jwks_uri: `http://${dead}/keys`, ...named },
        {
          id: 'books',
          type: 'ldap',
          urls: [`ldap://${dead}`],
          user_dn: 'uid={username},dc=x',
          when_gone: 'keep',
        },
      ],
    }
    await withSso({ config, now }, async ({ home, ask, said }) => {
      const seconds = Math.floor(now() / 1000)
      const login = (token: string) => ask('POST', '/login', { type: 'org.matrix.login.jwt', token })
      const good = await login(signJwt({ sub: 'alice' }))
      assert.equal(good.body['user_id'], '@alice:one.test')
      const away = await login(signJwt({ sub: 'a', iss: 'https://keys.test', aud: 'x', exp: seconds + 60 }))
      assert.deepEqual([away.status, away.body['code']], [403, 'alg_not_allowed'])
      const listed = (await ask('GET', '/login')).body['flows'] as { identity_providers?: { id: string }[] }[]
      assert.deepEqual(
        listed.flatMap(({ identity_providers: all }) => all ?? []).map(({ id }) => id),
        ['openid', 'old', 'moved', 'far', 'cas'],
      )
      const leave = (id: string) =>
        openBrowser().go(`${home}/_matrix/client/v3/login/sso/redirect/${id}?redirectUrl=${encodeURIComponent(app)}`)
      rmSync(broken)
      for (const [id, reason] of [
        ['openid', /discovery document cannot be had/],
        ['old', /metadata ran out at 2030-01-01T00:00:00.000Z: get new ones/],
        ['moved', /metadata cannot be read: ENOENT/],
        ['far', /metadata cannot be had/],
      ] as const) {
        const page = await leave(id)
        assert.ok(page.status >= 400 && page.status < 600, `${id}: ${page.status}`)
        assert.match(page.headers.get('content-type') ?? '', /text\/html/)
        assert.match(String(said.at(-1)?.msg), reason)
      }
      const password = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'x' }, password: 'y' }
      assert.equal((await ask('POST', '/login', password)).status, 503, 'the directory is away')
      // New metadata are read without a restart, and are good until they run out.
      writeFileSync(file, metadata(until + 3_600_000))
      const follow = async (): Promise<string | null> => {
        const path = `/_matrix/client/v3/login/sso/redirect/old?redirectUrl=${encodeURIComponent(app)}`
        return (await send(`${home}${path}`)).headers.get('location')
      }
      assert.match((await follow()) ?? '', /^https:\/\/a\.test\/sso/)
      ahead += 3_700_000
      assert.equal(await follow(), null, 'what has run out since is not used on')
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('metadata that have run out are named by config check, as what keeps nobody else out', () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-away-'))
  try {
    const file = join(folder, 'idp.xml')
    writeFileSync(file, metadata(until))
    const config = defaultConfig({
      public_base_url: 'https://one.test',
      identity_providers: [{ id: 'old', type: 'saml', metadata_file: file }],
    })
    assert.deepEqual(samlChecks(config, until - 1), [])
    const [found] = samlChecks(config, until)
    assert.deepEqual(
      [found?.level, found?.key, /ran out at 2030.*nobody can sign in by "old"/.test(found?.message ?? '')],
      ['warning', 'identity_providers[0].metadata_file', true],
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})
