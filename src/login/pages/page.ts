import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Type } from 'typebox'
import { Reply, route, type Route } from '../../http/index.ts'
import { type Content, html, textOf } from './html.ts'
import type { Texts } from './texts.ts'

/** A file that pages are made with: its name changes with what is in it, so that browsers keep it for good. */
export interface Asset {
  readonly name: string
  readonly text: string
  readonly type: string
  readonly path: string
}

/** Reads a file that lies beside the code. */
export const asset = (name: string, file: URL, type: string): Asset => {
  const text = readFileSync(file, 'utf8')
  const version = createHash('sha256').update(text).digest('hex').slice(0, 12)
  return { name, text, type, path: `/_latchkey/assets/${version}/${name}` }
}

const style = asset('style.css', new URL('./style.css', import.meta.url), 'text/css; charset=utf-8')
const done = asset('done.js', new URL('./done.js', import.meta.url), 'text/javascript; charset=utf-8')
const icon = asset('icon.svg', new URL('./icon.svg', import.meta.url), 'image/svg+xml')
const login = asset('login.js', new URL('./login.js', import.meta.url), 'text/javascript; charset=utf-8')

/** Pages take nothing from elsewhere, run no script but ours, and are in nobody's frame. `formTo` is where their forms may end besides here. */
const policy = (formTo: string | undefined, asks: boolean): string =>
  `default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; ${asks ? "connect-src 'self'; " : ''}` +
  `form-action 'self'${formTo === undefined ? '' : ` ${formTo}`}; base-uri 'none'; frame-ancestors 'none'`

/** What a page is made of. */
export interface Page {
  readonly texts: Texts
  /** The name of the server, above everything. */
  readonly server: string
  readonly title: string
  readonly body: Content
  readonly status?: number
  /** For lists, which want room. */
  readonly wide?: boolean
  /** For a page that is a small program: its module and its looks. It may ask this server. */
  readonly app?: { readonly script: Asset; readonly style: Asset }
  /** Whether the page tells the app that opened it that all is done. */
  readonly tellsDone?: boolean
  /** Whether the page hands the app that opened it the session in the field `login`. */
  readonly tellsLogin?: boolean
  readonly cookie?: string | undefined
  /** Where a form of the page may lead besides this server, as a content security policy says it. */
  readonly formTo?: string | undefined
}

/** A whole page, ready to be sent. Where it is that assets are found depends on `base`, the path that the server is mounted under. */
export const page = (
  {
    texts,
    server,
    title,
    body,
    status = 200,
    wide = false,
    tellsDone = false,
    tellsLogin = false,
    cookie,
    formTo,
    app,
  }: Page,
  base: string,
): Reply =>
  new Reply({
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy(formTo, app !== undefined),
      'x-frame-options': 'DENY',
      ...(cookie !== undefined && { 'set-cookie': cookie }),
    },
    body: textOf(
      html`<!doctype html>
<html lang="${texts.language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} – ${server}</title>
<link rel="icon" href="${base}${icon.path}">
<link rel="stylesheet" href="${base}${style.path}">
${
  app &&
  html`<link rel="stylesheet" href="${base}${app.style.path}" />
    <script type="module" src="${base}${app.script.path}"></script>`
}
${tellsDone && html`<script src="${base}${done.path}" defer></script>`}
${tellsLogin && html`<script src="${base}${login.path}" defer></script>`}
</head>
<body${(wide || app) && html` class="${app ? 'app' : 'wide'}"`}>
<header>${server}</header>
<main>
${body}
</main>
</body>
</html>
`,
    ),
  })

const kept = 'public, max-age=31536000, immutable'

/** Has a file be read under its name. */
export const assetRoute = ({ name, text, type, path }: Asset): Route =>
  route({
    id: `asset ${name}`,
    method: 'GET',
    path,
    auth: 'none',
    reply: Type.Object({}),
    handle: () => new Reply({ headers: { 'content-type': type, 'cache-control': kept }, body: text }),
  })

/** Stylesheet, script and icon of the pages. */
export const assetRoutes: Route[] = [style, done, login, icon].map(assetRoute)

/** Where browsers look for an icon by themselves. */
export const iconRoute: Route = route({
  id: 'favicon',
  method: 'GET',
  path: '/favicon.ico',
  auth: 'none',
  reply: Type.Object({}),
  handle: () =>
    new Reply({ headers: { 'content-type': icon.type, 'cache-control': 'public, max-age=86400' }, body: icon.text }),
})
