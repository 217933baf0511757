import { Type } from 'typebox'
import { Reply, route, type Route } from '../../http/index.ts'
import { html, textOf } from '../../login/index.ts'
import type { Database } from '../../storage/index.ts'
import type { Pushers } from '../pushers.ts'
import { readPusherBySecret } from '../store/mailed.ts'
import { unsubscribePath } from './mailer.ts'
import { unreadTexts } from './texts.ts'

const Query = Type.Object({ pusher: Type.Integer({ minimum: 0 }), secret: Type.String({ maxLength: 100 }) })

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
}

/**
 * The page behind the link in mail about unread messages. Opening it does nothing yet: programs that look into mail open links too.
 * Mail programs that know how send the POST by themselves.
 */
export const unsubscribeRoutes = ({
  database,
  pushers,
}: {
  readonly database: Database
  readonly pushers: Pushers
}): Route[] => {
  const page = (language: string, text: string, button?: string): Reply =>
    new Reply({
      headers,
      body: textOf(
        html`<!doctype html>
          <html lang="${language}">
            <head>
              <meta charset="utf-8" />
              <meta name="viewport" content="width=device-width, initial-scale=1" />
              <title>${unreadTexts(language).title}</title>
            </head>
            <body>
              <main>
                <p>${text}</p>
                ${button !== undefined && html`<form method="post"><button>${button}</button></form>`}
              </main>
            </body>
          </html> `,
      ),
    })
  const languageOf = (header: string | undefined): string => (/^de\b/i.test(header ?? '') ? 'de' : 'en')
  return [
    route({
      id: 'pushUnsubscribePage',
      method: 'GET',
      path: unsubscribePath,
      auth: 'none',
      limit: 'session',
      query: Query,
      reply: Type.Unknown(),
      handle: async ({ query, headers: { 'accept-language': wanted } }) => {
        const language = languageOf(wanted)
        const texts = unreadTexts(language)
        const found = await readPusherBySecret(database.read, query.pusher, query.secret)
        return found ? page(language, texts.question, texts.go) : page(language, texts.lost)
      },
    }),
    route({
      id: 'pushUnsubscribe',
      method: 'POST',
      path: unsubscribePath,
      auth: 'none',
      limit: 'session',
      query: Query,
      reply: Type.Unknown(),
      handle: async ({ query, headers: { 'accept-language': wanted } }) => {
        const language = languageOf(wanted)
        const found = await readPusherBySecret(database.read, query.pusher, query.secret)
        if (found) await pushers.delete(found.user_nid, found.app_id, found.pushkey)
        return page(language, found ? unreadTexts(language).done : unreadTexts(language).lost)
      },
    }),
  ]
}
