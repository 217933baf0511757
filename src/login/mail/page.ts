import { field, type Reply, type Route } from '../../http/index.ts'
import { html } from '../pages/html.ts'
import { createWeb, type WebDeps, pageRoute, show, type PageRequest, type Web } from '../sso/web.ts'
import { hashToken } from '../../sessions/index.ts'
import { isWaiting, validate } from './store.ts'
import { mailTexts } from './texts.ts'

const path = '/_latchkey/email/confirm'

const card = (web: Web, request: PageRequest, title: string, lead: string, status = 200): Reply =>
  show(web, request, {
    title,
    status,
    body: html`<div class="card">
      <h1>${title}</h1>
      <p>${lead}</p>
    </div>`,
  })

/**
 * The page behind the link of a mail. Opening it does nothing yet: programs that look into mail open links too. Its form needs no
 * token of the browser's, since what it sends is secret itself.
 */
export const confirmationRoutes = (context: WebDeps): Route[] => {
  const web = createWeb(context)
  return [
    pageRoute(web, {
      id: 'emailConfirmation',
      method: 'GET',
      path,
      handle: async (request) => {
        const texts = mailTexts(request.texts.language)
        const token = request.query.get('token') ?? ''
        if (!(await isWaiting(context.database.read, hashToken(token), context.now())))
          return card(web, request, texts.title, texts.lost, 400)
        return show(web, request, {
          title: texts.title,
          body: html`<div class="card">
            <h1>${texts.title}</h1>
            <form method="post" action="${web.base}${path}">
              <input type="hidden" name="token" value="${token}" /><button>${texts.go}</button>
            </form>
          </div>`,
        })
      },
    }),
    pageRoute(web, {
      id: 'confirmEmail',
      method: 'POST',
      path,
      foreign: true,
      handle: async (request) => {
        const texts = mailTexts(request.texts.language)
        const token = field(request.form, 'token') ?? ''
        const done = await context.database.write((tx) => validate(tx, hashToken(token), context.now()))
        return done ? card(web, request, texts.done, texts.doneLead) : card(web, request, texts.title, texts.lost, 400)
      },
    }),
  ]
}
