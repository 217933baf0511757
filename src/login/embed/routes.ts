import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { Type } from 'typebox'
import { Reply, route, type Route } from '../../http/index.ts'
import { html, textOf } from '../pages/html.ts'
import { Problem } from '../../providers/index.ts'
import { pageRoute, type Web } from '../sso/web.ts'

/** A new version of the server brings new ones under the same names. */
const kept = 'public, max-age=3600'

const script = (id: string, path: string, file: URL): Route => {
  const text = readFileSync(file, 'utf8')
  const packed = gzipSync(text, { level: 9 })
  const headers = { 'content-type': 'text/javascript; charset=utf-8', 'cache-control': kept, vary: 'accept-encoding' }
  return route({
    id,
    method: 'GET',
    path,
    auth: 'none',
    reply: Type.Object({}),
    handle: ({ headers: { 'accept-encoding': accepted } }) =>
      /\bgzip\b/.test(String(accepted))
        ? new Reply({ headers: { ...headers, 'content-encoding': 'gzip' }, body: packed })
        : new Reply({ headers, body: text }),
  })
}

/** The page runs our script, speaks to this server alone, and is in frames of the applications that are named. */
const policy = (origins: readonly string[]): string =>
  `default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors ${origins.join(' ')}`

/** For applications that have chat inside their own pages: the module that they load, and the page that signs their users in, in a frame. */
export const embedRoutes = (web: Web): Route[] => [
  /** The module for browsers: see `embed/latchkey.d.ts`. */
  script('embedModule', '/_latchkey/embed.js', new URL('../../../embed/latchkey.js', import.meta.url)),
  script('embedScript', '/_latchkey/embed/frame.js', new URL('../../../embed/frame.js', import.meta.url)),

  /** The page that answers applications of the origins under `embed.origins`, by messages. */
  pageRoute(web, {
    id: 'embed',
    method: 'GET',
    path: '/_latchkey/embed',
    handle: ({ texts: { language, embed } }) => {
      const { origins } = web.context.config.embed
      if (origins.length === 0) throw new Problem('not_found', 'No application is named under embed.origins')
      return new Reply({
        headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy(origins) },
        body: textOf(
          html`<!doctype html>
            <html lang="${language}" data-base="${web.base}" data-origins="${JSON.stringify(origins)}">
              <meta charset="utf-8" />
              <title>${embed.title}</title>
              <script src="${web.base}/_latchkey/embed/frame.js" defer></script>
              <p>${embed.lead}</p>
            </html> `,
        ),
      })
    },
  }),
]
