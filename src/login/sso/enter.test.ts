// The account page for people who are signed in by token alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signJwt } from '../../../test/harness/jwt.ts'
import { openBrowser, send } from '../../../test/harness/identity-provider.ts'
import { app, jwtSecret, type SsoWorld, withSso } from '../../../test/harness/sso-world.ts'

const byToken = {
  config: { jwt_config: { enabled: true, secret: jwtSecret, algorithm: 'HS256' }, password_login: false },
}
const jwt = (sub: string): string => signJwt({ sub, iat: Math.floor(Date.now() / 1000) }, jwtSecret)
const inWorld = (
  name: string,
  body: (world: SsoWorld & { link: (sub: string) => Promise<string> }) => Promise<void>,
): void => {
  test(name, () =>
    withSso(byToken, async (world) => {
      const link = async (sub: string): Promise<string> => {
        const { body: session } = await world.ask('POST', '/login', { type: 'org.matrix.login.jwt', token: jwt(sub) })
        const { status, body: got } = await world.ask(
          'POST',
          '/_matrix/client/v1/login/get_token',
          { auth: { type: 'org.matrix.login.jwt', token: jwt(sub) } },
          String(session['access_token']),
        )
        assert.equal(status, 200, JSON.stringify(got))
        return `${world.home}/account/enter?loginToken=${String(got['login_token'])}`
      }
      await body({ ...world, link })
    }),
  )
}
/** The value of a hidden field. */
const fieldOf = (text: string, name: string): string =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1] ?? assert.fail(`no ${name} in ${text}`)

inWorld(
  'a link that an app makes leads to the account page, once, and after a question that names the account',
  async ({ home, link }) => {
    const [browser, url] = [openBrowser(), await link('ann')]
    const asked = await browser.go(url)
    assert.match(asked.text, /account page of<br \/><strong>@ann:one\.test/)
    assert.match((await browser.go(`${home}/account`)).text, /Sign in to see your account/, 'nobody is in yet')
    const entered = await browser.submit(asked, '/account/entered', {
      token: fieldOf(asked.text, 'token'),
      ticket: fieldOf(asked.text, 'ticket'),
    })
    assert.match(entered.text, /@ann:one\.test/)
    assert.match(entered.text, /Sign out of this page/)
    const second = await openBrowser().go(url)
    assert.equal(second.status, 400, 'it is good once')
  },
)

inWorld('a form with a token does too', async ({ home }) => {
  const browser = openBrowser()
  const form = `<form method="post" action="${home}/account/enter"><input type="hidden" name="token" value="${jwt('bea')}"></form>`
  const asked = await browser.submit(
    { url: `${app}/`, status: 200, text: form, headers: new Headers() },
    '/account/enter',
  )
  assert.match(asked.text, /account page of<br \/><strong>@bea:one\.test/)
  const entered = await browser.submit(asked, '/account/entered', {
    token: fieldOf(asked.text, 'token'),
    ticket: fieldOf(asked.text, 'ticket'),
  })
  assert.match(entered.text, /@bea:one\.test/)
  for (const token of ['', 'nonsense', signJwt({ sub: 'bea' }, 'another secret of thirty-two characters')]) {
    const refused = await send(`${home}/account/enter`, {
      method: 'POST',
      headers: { origin: app },
      body: new URLSearchParams({ token }),
    })
    assert.equal(refused.status, 403)
    assert.equal(refused.headers.get('set-cookie'), null)
  }
})

inWorld('nobody is led to the account of somebody else unasked', async ({ home, link }) => {
  // A hostile page has the victim's browser open a link of the hostile one's, and sends the form that follows: it knows its own ticket.
  const [hostile, victim] = [openBrowser(), openBrowser()]
  const theirs = await hostile.go(await link('mallory'))
  const shown = await victim.go(await link('mallory'))
  assert.match(shown.text, /@mallory:one\.test/)
  for (const form of [
    { token: fieldOf(theirs.text, 'token'), ticket: fieldOf(theirs.text, 'ticket') },
    { token: fieldOf(shown.text, 'token'), ticket: fieldOf(theirs.text, 'ticket') },
    { token: fieldOf(theirs.text, 'token'), ticket: fieldOf(shown.text, 'ticket') },
    { token: fieldOf(shown.text, 'token'), ticket: 'x' },
  ])
    assert.equal((await victim.submit(shown, '/account/entered', form)).status, 400)
  assert.match((await victim.go(`${home}/account`)).text, /Sign in to see your account|Open this page from the app/)
})

inWorld('who may not come in does not come in here', async ({ link, server, ask }) => {
  const [late, locked] = [await link('cleo'), await link('dan')]
  const { body: session } = await ask('POST', '/login', { type: 'org.matrix.login.jwt', token: jwt('cleo') })
  await ask(
    'POST',
    '/account/deactivate',
    { auth: { type: 'org.matrix.login.jwt', token: jwt('cleo') } },
    String(session['access_token']),
  )
  assert.match((await openBrowser().go(late)).text, /too long|closed/)
  const { nid } = (await server.users.findByLocalpart('dan'))!
  await server.users.setLocked(nid, true)
  assert.match((await openBrowser().go(locked)).text, /This account is locked/)
})

test('without another way in the door says where one comes from', () =>
  withSso({ config: { ...byToken.config, identity_providers: [] } }, async ({ home }) => {
    assert.match(
      (await openBrowser().go(`${home}/account`)).text,
      /Open this page from the app that you are signed in to\./,
    )
  }))
