// The chat of a try-out: for whoever sits at the machine, as one of two people, by tokens that are signed with the secret of the try-out.
import { Type } from 'typebox'
import { Reply, route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { jwtProviders, Problem, signTrial } from '../../providers/index.ts'
import { html } from '../pages/html.ts'
import { asset, assetRoute } from '../pages/page.ts'
import { pageRoute, show, type Web } from '../sso/web.ts'
import { localHost } from './local-host.ts'
import { homeTexts } from './texts.ts'

/** Who one can be. */
export const people = [
  { id: 'alice', name: 'Alice' },
  { id: 'bob', name: 'Bob' },
] as const

const script = asset('chat.js', new URL('./chat.js', import.meta.url), 'text/javascript; charset=utf-8')
const style = asset('chat.css', new URL('./chat.css', import.meta.url), 'text/css; charset=utf-8')

/** It is used at once. */
const tokenMs = 60_000

const personOf = (id: unknown): (typeof people)[number] | undefined => people.find((one) => one.id === id)

/** Whether our own page asks, in a browser on this machine that knows us by a local name: no other site, and nobody from elsewhere. */
const isOurPage = (headers: Parameters<typeof localHost>[0]): boolean => {
  const host = localHost(headers)
  return host !== undefined && (headers.origin === `http://${host}` || headers.origin === `https://${host}`)
}

/** Of this origin, for this origin. */
const ours = {
  'content-type': 'application/json',
  'cache-control': 'no-store',
  'cross-origin-resource-policy': 'same-origin',
}

/** Mounted where it is a try-out. */
export const chatRoutes = (web: Web): Route[] => {
  const { config, serverName, users, now } = web.context
  const [provider] = jwtProviders({ jwt_config: config.jwt_config, identity_providers: [] }).providers
  if (!provider) return []
  return [
    assetRoute(script),
    assetRoute(style),

    /** A chat in the browser, as one of the two. */
    pageRoute(web, {
      id: 'tryOutChat',
      method: 'GET',
      path: '/_latchkey/try-out/:person',
      limit: 'default',
      handle: (request) => {
        const person = personOf(request.params['person'])
        if (!person || localHost(request.headers) === undefined)
          throw new Problem('not_found', 'There is no such person to try out as')
        const { chat } = homeTexts(request.texts.language)
        const other = people.find((one) => one !== person) ?? person
        return show(web, request, {
          title: chat.title(person.name),
          app: { script, style },
          body: html`<div
            id="chat"
            data-person="${person.id}"
            data-other="${other.name}"
            data-texts="${JSON.stringify(chat.script)}"
          >
            <nav>
              <p class="me">
                <strong>${person.name}</strong><br /><span class="quiet">@${person.id}:${serverName}</span>
              </p>
              <ul id="rooms" aria-label="${chat.rooms}"></ul>
              <p class="quiet"><a href="${other.id}" target="_blank">${chat.second(other.name)}</a></p>
              <p class="quiet"><a href="${web.base}/">${chat.back}</a></p>
            </nav>
            <section>
              <h1 id="room">…</h1>
              <ol id="timeline" aria-live="polite"></ol>
              <p id="status" role="status" hidden></p>
              <form id="composer">
                <input
                  id="text"
                  name="text"
                  autocomplete="off"
                  maxlength="10000"
                  aria-label="${chat.write}"
                  placeholder="${chat.write}"
                />
                <button>${chat.send}</button>
              </form>
            </section>
          </div>`,
        })
      },
    }),

    /** A token by which the page signs in. Nobody gets in by it who has more than a trial: whoever has rights or a password here is left alone. */
    route({
      id: 'tryOutToken',
      method: 'POST',
      path: '/_latchkey/try-out/token',
      auth: 'none',
      limit: 'login',
      body: Type.Object({ person: Type.String() }),
      reply: Type.Object({}),
      handle: async ({ headers, body }) => {
        if (!isOurPage(headers)) throw new MatrixError('M_FORBIDDEN', 'This is for the page of the try-out alone')
        const person = personOf(body.person)
        if (!person) throw new MatrixError('M_NOT_FOUND', 'There is no such person to try out as')
        const account = await users.findByLocalpart(person.id)
        if (account && (account.admin || account.hasPassword))
          throw new MatrixError('M_FORBIDDEN', `${person.name} has rights or a password here, and signs in with these`)
        const token = signTrial(provider, person.id, now(), tokenMs, { name: person.name })
        return new Reply({ headers: ours, body: JSON.stringify({ token }) })
      },
    }),
  ]
}
