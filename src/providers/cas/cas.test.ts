// Sign-in by CAS, against a server of the protocol that is as strict as the real one.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import fc from 'fast-check'
import { openBrowser, send } from '../../../test/harness/identity-provider.ts'
import { freePort } from '../../../test/harness/process.ts'
import { readCasAnswer } from './answer.ts'
import { app, tokenOf, withSso } from '../../../test/harness/sso-world.ts'

const answer = (inner: string): string =>
  `<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas">${inner}</cas:serviceResponse>`
const success = (inner: string): string => answer(`<cas:authenticationSuccess>${inner}</cas:authenticationSuccess>`)

interface Ticket {
  service: string
  user: string
  primary: boolean
}

/** Gives tickets and takes each once, for the service that it was given for. */
const openCas = async () => {
  const port = await freePort()
  const tickets = new Map<string, Ticket>()
  const state = { user: 'Jane.Doe', asked: [] as string[], attributes: '' }
  const validate = (query: URLSearchParams): string => {
    const ticket = tickets.get(query.get('ticket') ?? '')
    tickets.delete(query.get('ticket') ?? '')
    const good = ticket && ticket.service === query.get('service') && (query.get('renew') !== 'true' || ticket.primary)
    return good
      ? success(`<cas:user>${ticket.user}</cas:user>${state.attributes}`)
      : answer('<cas:authenticationFailure code="INVALID_TICKET">no</cas:authenticationFailure>')
  }
  const server = createServer((request, response) => {
    const { pathname, searchParams: query } = new URL(request.url ?? '', 'http://cas')
    state.asked.push(pathname)
    if (pathname === '/cas/login') {
      const [id, service] = [`ST-${tickets.size}-${Math.random()}`, query.get('service') ?? '']
      tickets.set(id, { service, user: state.user, primary: query.get('renew') === 'true' })
      response.writeHead(302, { location: `${service}${service.includes('?') ? '&' : '?'}ticket=${id}` }).end()
    } else response.writeHead(200, { 'content-type': 'application/xml' }).end(validate(query))
  })
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    state,
    url: `http://127.0.0.1:${port}/cas`,
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => {
          resolve()
        })
      }),
  }
}

const startOf = (home: string): string =>
  `${home}/_matrix/client/v3/login/sso/redirect/cas?redirectUrl=${encodeURIComponent(app)}`

test('whoever has a ticket is signed in, with what the server says of them, and confirms by a new one', async () => {
  await using cas = await openCas()
  cas.state.attributes =
    '<cas:attributes><cas:displayName>Jane &amp; Doe</cas:displayName><cas:memberOf>chat</cas:memberOf><cas:memberOf>staff</cas:memberOf></cas:attributes>'
  const second = {
    id: 'cas',
    type: 'cas',
    url: cas.url,
    rules: ['memberOf contains chat'],
    mapping: { display_name: ['{displayName}'] },
  }
  await withSso({ second }, async ({ home, ask }) => {
    const browser = openBrowser()
    const landing = await browser.go(startOf(home))
    const session = (await ask('POST', '/login', { type: 'm.login.token', token: tokenOf(landing) })).body
    assert.equal(session['user_id'], '@jane.doe:one.test')
    assert.equal((await ask('GET', '/profile/@jane.doe:one.test')).body['displayname'], 'Jane & Doe')
    const access = String(session['access_token'])
    const id = String((await ask('POST', '/delete_devices', { devices: ['X'] }, access)).body['session'])
    const page = await browser.go(`${home}/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${id}`)
    assert.match((await browser.follow(page, '/sso/cas/confirm')).text, /Confirmed/)
    assert.equal((await ask('POST', '/delete_devices', { devices: ['X'], auth: { session: id } }, access)).status, 200)
    cas.state.attributes = '<cas:attributes><cas:memberOf>staff</cas:memberOf></cas:attributes>'
    assert.equal((await openBrowser().go(startOf(home))).status, 403, 'the rule does not hold')
  })
})

test('a ticket is good once, for the trip it was given for', async () => {
  await using cas = await openCas()
  await withSso({ second: { id: 'cas', type: 'cas', protocol: '2', url: cas.url } }, async ({ home }) => {
    const leave = async (): Promise<{ cookie: string; back: string }> => {
      const left = await send(startOf(home))
      const given = await send(left.headers.get('location') ?? '')
      return { cookie: left.headers.getSetCookie()[0]?.split(';')[0] ?? '', back: given.headers.get('location') ?? '' }
    }
    const [mine, theirs] = [await leave(), await leave()]
    const ticket = (url: string): string => new URL(url).searchParams.get('ticket') ?? ''
    const swapped = mine.back.replace(ticket(mine.back), ticket(theirs.back))
    assert.equal((await send(swapped, { headers: { cookie: mine.cookie } })).status, 502)
    assert.equal((await send(theirs.back, { headers: { cookie: mine.cookie } })).status, 400)
    assert.equal((await send(mine.back.replace(/ticket=.*/, ''), { headers: { cookie: mine.cookie } })).status, 403)
    assert.equal((await send(mine.back, { headers: { cookie: mine.cookie } })).status, 302)
    assert.equal((await send(mine.back, { headers: { cookie: mine.cookie } })).status, 502)
    assert.ok(cas.state.asked.includes('/cas/serviceValidate'))
  })
})

test('only what the protocol says names anybody', () => {
  const comment = success('<cas:user>jane<!-- x -->.doe</cas:user>')
  assert.equal(readCasAnswer(comment).user, 'jane.doe')
  assert.deepEqual(
    {
      ...readCasAnswer(
        success(
          '<cas:user><![CDATA[a&b]]></cas:user><cas:attributes><cas:__proto__>x</cas:__proto__></cas:attributes>',
        ),
      ).attributes,
    }['__proto__'],
    'x',
  )
  for (const xml of [
    '',
    'x',
    '<a/>',
    answer(''),
    success(''),
    success('<cas:user></cas:user>'),
    success('<cas:user>a</cas:user><cas:user>b</cas:user>'),
    success('<cas:user>a<cas:x/></cas:user>'),
    success('<user>a</user>'),
    success('<x:user xmlns:x="urn:x">a</x:user>'),
    '<serviceResponse><authenticationSuccess><user>a</user></authenticationSuccess></serviceResponse>',
    answer(
      '<cas:authenticationFailure code="X">x</cas:authenticationFailure><cas:authenticationSuccess><cas:user>a</cas:user></cas:authenticationSuccess>',
    ),
    `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${success('<cas:user>&e;</cas:user>')}`,
    success('<cas:user>&e;</cas:user>'),
    success('<cas:user>a</cas:user>').slice(0, -5),
    success(`<cas:user>${'<cas:a>'.repeat(50)}`),
    `<cas:serviceResponse xmlns:cas="http://www.yale.edu/tp/cas">${'<cas:a/>'.repeat(2000)}</cas:serviceResponse>`,
    `<x><!-- ${success('<cas:user>a</cas:user>')} --></x>`,
    success('<cas:proxies><cas:user>a</cas:user></cas:proxies>'),
  ])
    assert.throws(() => readCasAnswer(xml), { name: 'Problem', code: 'provider_failed' }, xml.slice(0, 200))
  fc.assert(
    fc.property(fc.string(), (xml) => {
      assert.throws(() => readCasAnswer(xml), { name: 'Problem' })
    }),
  )
})
