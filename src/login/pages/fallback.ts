import { html, type Content } from './html.ts'
import type { Page } from './page.ts'
import { type Choice, choicesOf, hidden } from './sso.ts'
import type { Texts } from './texts.ts'

type View = Pick<Page, 'title' | 'body' | 'tellsLogin'>

/** A form of a page: where it goes, and what binds it to its browser. */
export interface Form {
  readonly action: string
  readonly token: string
  readonly ticket: string
}

/** What is asked of somebody on the page of a stage. */
export interface Asked {
  /** Undefined for somebody who is not signed in. */
  readonly userId: string | undefined
  readonly server: string
  readonly operation: string
  readonly problem: string | undefined
  readonly choices: readonly Choice[]
  readonly form: Form | undefined
  /** The fields of the form, and what its button says. */
  readonly fields: Content
  readonly go: string
}

/** The page of a stage: what is to be confirmed, and the form that does it. */
export const stagePage = (
  { confirm, fallback, signIn }: Texts,
  { userId, server, operation, problem, choices, form, fields, go }: Asked,
): View => {
  const [, what] =
    Object.entries(confirm.operations).find(([name]) => operation === name || operation.startsWith(`${name} `)) ?? []
  return {
    title: confirm.title,
    body: html`<div class="card">
      <h1>${confirm.title}</h1>
      <p>${userId === undefined ? fallback.lead(server) : confirm.lead(userId)}</p>
      <p><strong>${what ?? confirm.other}</strong></p>
      ${userId !== undefined && html`<p class="quiet">${confirm.care}</p>`}
      ${problem !== undefined && html`<p class="notice warn" role="alert">${problem}</p>`}
      ${choices.length > 0 && choicesOf(choices, confirm.by)}
      ${choices.length > 0 && form && html`<p class="or">${signIn.or}</p>`}
      ${
        form &&
        html`<form method="post" action="${form.action}">
          ${hidden({ token: form.token, ticket: form.ticket })} ${fields}
          <button>${go}</button>
        </form>`
      }
      ${!form && choices.length === 0 && html`<p>${confirm.none}</p>`}
    </div>`,
  }
}

/** A field for a password. */
export const passwordField = ({ signIn }: Texts, userId: string): Content =>
  html`${hidden({ username: userId })} <label for="password">${signIn.password}</label
    ><input id="password" name="password" type="password" autocomplete="current-password" required autofocus />`

/** A field for what somebody was handed: a registration token, a mail address, a JWT. */
export const plainField = (name: string, label: string, type: 'text' | 'email' = 'text'): Content =>
  html`<label for="${name}">${label}</label
    ><input
      id="${name}"
      name="${name}"
      type="${type}"
      autocomplete="${type === 'email' ? 'email' : 'off'}"
      autocapitalize="none"
      spellcheck="false"
      required
    />`

/** Where somebody signs in to a client that knows no way to do it by itself. */
export const loginPage = (
  { choose, signIn, fallback }: Texts,
  view: {
    server: string
    problem: boolean
    choices: readonly Choice[]
    form: Form
    takesPasswords: boolean
    takesTokens: boolean
  },
): View => {
  const { server, problem, choices, form, takesPasswords, takesTokens } = view
  const bound = hidden({ token: form.token, ticket: form.ticket })
  const byToken = html`<form method="post" action="${form.action}">
    ${bound} ${plainField('jwt', fallback.token)} <button>${signIn.go}</button>
  </form>`
  return {
    title: choose.title,
    body: html`<div class="card">
      <h1>${choose.title}</h1>
      <p>${choose.lead(server)}</p>
      ${problem && html`<p class="notice warn" role="alert">${fallback.wrong}</p>`}
      ${choices.length > 0 && choicesOf(choices, choose.by)}
      ${choices.length > 0 && takesPasswords && html`<p class="or">${signIn.or}</p>`}
      ${
        takesPasswords &&
        html`<form method="post" action="${form.action}">
          ${bound} ${plainField('user', signIn.user)} <label for="password">${signIn.password}</label
          ><input id="password" name="password" type="password" autocomplete="current-password" required />
          <button>${signIn.go}</button>
        </form>`
      }
      ${
        takesTokens &&
        (takesPasswords || choices.length > 0
          ? html`<details>
              <summary>${fallback.tokenOther}</summary>
              ${byToken}
            </details>`
          : byToken)
      }
      ${choices.length === 0 && !takesPasswords && !takesTokens && html`<p>${choose.none}</p>`}
    </div>`,
  }
}

/** Asks somebody whom a token speaks for whether they want an app to be signed in as them. */
export const loginAsPage = ({ fallback, signIn, continue: more }: Texts, form: Form, who: string): View => ({
  title: fallback.loginAs(who),
  body: html`<div class="card">
    <h1>${fallback.loginAs(who)}</h1>
    <p>${fallback.loginLead}</p>
    <p>${more.care}</p>
    <form method="post" action="${form.action}">
      ${hidden({ token: form.token, ticket: form.ticket })}<button>${signIn.go}</button>
    </form>
  </div>`,
})

/** Says that a client is signed in, to people and to the client. */
export const loggedInPage = ({ fallback }: Texts, userId: string, session: object): View => ({
  title: fallback.loggedIn,
  tellsLogin: true,
  body: html`<div class="card" role="status">
    <h1>${fallback.loggedIn}</h1>
    <p>${fallback.loggedInLead(userId)}</p>
    <input type="hidden" id="login" value="${JSON.stringify(session)}" />
  </div>`,
})
