import { isAtHome } from '../../config/index.ts'
import type { Route } from '../../http/index.ts'
import { html } from '../pages/html.ts'
import { iconRoute } from '../pages/page.ts'
import { pageRoute, show, type Web } from '../sso/web.ts'
import { chatRoutes, people } from './chat.ts'
import { homeTexts } from './texts.ts'
import { localHost } from './local-host.ts'

/** What somebody sees who opens the address of the server in a browser. */
export const homeRoutes = (web: Web): Route[] => {
  const { config, serverName } = web.context
  const isTryOut = isAtHome(config)
  return [
    /** Says what is here; and where it is a try-out, offers a chat to whoever sits at the machine. */
    pageRoute(web, {
      id: 'home',
      method: 'GET',
      path: '/',
      limit: 'default',
      handle: (request) => {
        const home = homeTexts(request.texts.language)
        const local = isTryOut ? localHost(request.headers) : undefined
        const address = web.publicUrl ?? (local === undefined ? serverName : `http://${local}`)
        return show(web, request, {
          title: home.title,
          body: html`<div class="card">
              <h1>${home.title}</h1>
              <p>${home.lead(serverName)}</p>
              <p>${home.use(address)}</p>
              <p class="actions"><a class="button plain" href="${web.base}/account">${home.account}</a></p>
            </div>
            ${
              local !== undefined &&
              html`<div class="card">
                <h2>${home.tryOut}</h2>
                <p>${home.tryOutLead}</p>
                <p class="actions">
                  ${people.map(
                    ({ id, name }) =>
                      html`<a class="button" href="${web.base}/_latchkey/try-out/${id}">${home.chatAs(name)}</a>`,
                  )}
                </p>
                <p class="quiet">${home.tryOutCare}</p>
              </div>`
            }`,
        })
      },
    }),
    iconRoute,
    ...(isTryOut ? chatRoutes(web) : []),
  ]
}
