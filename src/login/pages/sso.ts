import { html, type Html } from './html.ts'
import type { Page } from './page.ts'
import type { Texts } from './texts.ts'

type View = Pick<Page, 'title' | 'body' | 'tellsDone'>

/** A way in, as a button shows it. */
export interface Choice {
  readonly name: string
  readonly href: string
}

/** Buttons of the ways in. */
export const choicesOf = (choices: readonly Choice[], by: (name: string) => string): Html =>
  html`<ul class="choices">
    ${choices.map(({ name, href }) => html`<li><a class="button plain" href="${href}">${by(name)}</a></li>`)}
  </ul>`

/** The fields of every form: what binds it to its browser, and what it is about. */
export const hidden = (fields: Readonly<Record<string, string>>): Html[] =>
  Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)

/** Where somebody chooses how to sign in to a client. */
export const choosePage = ({ choose }: Texts, server: string, choices: readonly Choice[]): View => ({
  title: choose.title,
  body: html`<div class="card">
    <h1>${choose.title}</h1>
    <p>${choose.lead(server)}</p>
    ${choicesOf(choices, choose.by)}
  </div>`,
})

/** Asks whether a client is really to get the account. */
export const continuePage = (
  { continue: texts }: Texts,
  { app, userId, href, back }: { app: string; userId: string; href: string; back: string },
): View => ({
  title: texts.title(app),
  body: html`<div class="card">
    <h1>${texts.title(app)}</h1>
    <p>${texts.lead(app, userId)}</p>
    <p>${texts.care}</p>
    <p class="actions">
      <a class="button" href="${href}">${texts.go}</a><a class="button plain" href="${back}">${texts.cancel}</a>
    </p>
  </div>`,
})

/** Says that it is confirmed, to people and to the app. */
export const confirmedPage = ({ confirm: texts }: Texts): View => ({
  title: texts.done,
  tellsDone: true,
  body: html`<div class="card" role="status">
    <h1>${texts.done}</h1>
    <p>${texts.doneLead}</p>
  </div>`,
})

interface Asking {
  action: string
  token: string
  sealed: string
  userId: string
  provider: string
}

/** Asks for the password of an account that may be the same person's. */
export const provePage = (
  { prove: texts, signIn }: Texts,
  { action, token, sealed, userId, provider }: Asking,
): View => ({
  title: texts.title,
  body: html`<div class="card">
    <h1>${texts.title}</h1>
    <p>${texts.lead(userId, provider)}</p>
    <form method="post" action="${action}">
      ${hidden({ token, ticket: sealed, username: userId })} <label for="password">${signIn.password}</label
      ><input id="password" name="password" type="password" autocomplete="current-password" required autofocus />
      <button>${texts.go}</button>
    </form>
  </div>`,
})

/** Asks whether the sign-in that was just proven is to open the account from now on. */
export const linkPage = (
  { link: texts }: Texts,
  { action, token, sealed, who, provider, userId, back }: Asking & { who: string; back: string },
): View => ({
  title: texts.title,
  body: html`<div class="card">
    <h1>${texts.title}</h1>
    <p>${texts.lead(who, provider, userId)}</p>
    <form method="post" action="${action}" class="actions">
      ${hidden({ token, ticket: sealed })}<button>${texts.go}</button
      ><a class="button plain" href="${back}">${texts.cancel}</a>
    </form>
  </div>`,
})
