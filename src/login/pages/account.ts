import { html, type Content } from './html.ts'
import type { Page } from './page.ts'
import { mailPart, passwordPart, picturePart, type ProfileView } from './profile.ts'
import { profileTexts } from './profile-texts.ts'
import { type Choice, choicesOf, hidden } from './sso.ts'
import type { Texts } from './texts.ts'

type View = Pick<Page, 'title' | 'body' | 'wide'>

/** Where the forms of the account page go, and what binds them to their browser. */
export interface Bound {
  /** Path of the account page. */
  readonly at: string
  readonly token: string
}

/** A door: what it is called, and what is remembered of it while somebody signs in. */
export interface DoorView extends Bound {
  readonly ticket: string
  readonly server: string
  /** Undefined: that of the account page. */
  readonly title: string | undefined
  /** What stands in the form already. */
  readonly hint: string | undefined
}

const userField = (label: string, hint: string | undefined): Content =>
  html`<label for="user">${label}</label
    ><input
      id="user"
      name="user"
      value="${hint ?? ''}"
      autocomplete="username"
      autocapitalize="none"
      spellcheck="false"
      required
    />`

/** Where somebody signs in to the pages. */
export const doorPage = (
  { signIn, choose }: Texts,
  view: DoorView & { choices: readonly Choice[]; password: boolean; fromApp: boolean; signUp: string | undefined },
): View => {
  const { at, token, ticket, server, choices, password, fromApp, hint, signUp } = view
  const title = view.title ?? signIn.title
  return {
    title,
    body: html`<div class="card">
      <h1>${title}</h1>
      <p>${view.title === undefined ? signIn.lead(server) : signIn.leadTo(server)}</p>
      ${choices.length > 0 && choicesOf(choices, choose.by)}
      ${choices.length > 0 && password && html`<p class="or">${signIn.or}</p>`}
      ${
        password &&
        html`<form method="post" action="${at}/sign-in">
          ${hidden({ token, door: ticket })} ${userField(signIn.user, hint)}
          <label for="password">${signIn.password}</label
          ><input id="password" name="password" type="password" autocomplete="current-password" required />
          <button>${signIn.go}</button>
        </form>`
      }
      ${choices.length === 0 && !password && html`<p>${fromApp ? signIn.fromApp : choose.none}</p>`}
      ${signUp !== undefined && html`<p class="quiet"><a href="${signUp}">${signIn.signUp}</a></p>`}
    </div>`,
  }
}

/** Where somebody makes an account. `problem` is the code of what was wrong with what they wrote. */
export const signUpPage = (
  { signIn, signUp }: Texts,
  view: DoorView & { byToken: boolean; problem: string | undefined },
): View => {
  const { at, token, ticket, server, hint, byToken, problem } = view
  return {
    title: signUp.title,
    body: html`<div class="card">
      <h1>${signUp.title}</h1>
      <p>${signUp.lead(server)}</p>
      ${problem !== undefined && html`<p class="notice warn" role="alert">${signUp.problems[problem] ?? signUp.other}</p>`}
      <form method="post" action="${at}/sign-up">
        ${hidden({ token, door: ticket })} ${userField(signIn.user, hint)}
        <label for="password">${signIn.password}</label
        ><input id="password" name="password" type="password" autocomplete="new-password" minlength="8" required />
        ${
          byToken &&
          html`<label for="registration_token">${signUp.token}</label
            ><input id="registration_token" name="registration_token" autocomplete="off" required />`
        }
        <button>${signUp.go}</button>
      </form>
      <p class="quiet"><a href="${at}/sign-in?door=${ticket}">${signUp.already}</a></p>
    </div>`,
  }
}

/** Asks whom an app has sent whether this is their account page. */
export const enterPage = (
  { enter }: Texts,
  { at, token, ticket, userId }: Bound & { ticket: string; userId: string },
): View => ({
  title: enter.title,
  body: html`<div class="card">
    <h1>${enter.title}</h1>
    <p>${enter.lead}<br /><strong>${userId}</strong></p>
    <p class="quiet">${enter.care}</p>
    <form method="post" action="${at}/entered" class="actions">
      ${hidden({ token, ticket })}<button>${enter.go}</button>
    </form>
  </div>`,
})

/** Said once somebody has left the account page. */
export const leftPage = (
  { signedOut }: Texts,
  { at, provider }: { at: string; provider: Choice | undefined },
): View => ({
  title: signedOut.title,
  body: html`<div class="card" role="status">
    <h1>${signedOut.title}</h1>
    <p>${signedOut.lead}</p>
    <p class="actions">
      ${provider && html`<a class="button" href="${provider.href}">${signedOut.provider(provider.name)}</a>`}<a
        class="button plain"
        href="${at}"
        >${signedOut.again}</a
      >
    </p>
  </div>`,
})

/** A session, as people see it. */
export interface ShownSession {
  readonly id: string
  readonly name: string | undefined
  /** The app that has it by OAuth 2.0. */
  readonly app: { readonly name: string; readonly uri: string | undefined } | undefined
  readonly seen: number
  readonly address: string | undefined
  /** Whether its app has to sign in again. */
  readonly isEnded: boolean
}

/** What the account page shows. */
export interface AccountView extends Bound {
  readonly userId: string
  readonly displayName: string
  /** Whether the name comes from a provider. */
  readonly nameLocked: boolean
  readonly sessions: readonly ShownSession[]
  /** Access tokens that were made by hand. */
  readonly tokens: readonly { id: string; name: string; created: number; expires: number | undefined }[]
  /** `label` is what people know them by. */
  readonly links: readonly { provider: string; name: string; subject: string; label: string; removable: boolean }[]
  readonly more: readonly Choice[]
  readonly notice: string | undefined
  readonly profile: ProfileView
}

const day = (texts: Texts, ms: number): Content =>
  html`<time datetime="${new Date(ms).toISOString()}"
    >${new Intl.DateTimeFormat(texts.language, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' }).format(ms)}
    UTC</time
  >`

/** What a session is called, what app it is, and when it was last there. */
export const sessionFacts = (texts: Texts, { id, name, app, seen, address, isEnded }: ShownSession): Content => {
  const words = profileTexts(texts.language)
  const site = app?.uri === undefined ? undefined : new URL(app.uri).hostname
  const what = app && (app.name === name ? site : site === undefined ? app.name : `${app.name} (${site})`)
  return html`<strong>${name ?? app?.name ?? texts.account.unnamed}</strong>
    ${isEnded && html`<span class="mark">${words.endedSession}</span>`}<br />
    ${what !== undefined && html`<span class="quiet">${what}</span><br />`}
    <span class="quiet"
      >${id} · ${texts.account.seen('')} ${day(texts, seen)}${address !== undefined && ` · ${address}`}</span
    >${isEnded && html`<br /><span class="quiet">${words.endedLead}</span>`}`
}

const sessionsOf = (texts: Texts, { at, token, sessions }: AccountView): Content => {
  const { account } = texts
  if (sessions.length === 0) return html`<p class="quiet">${account.noSessions}</p>`
  const words = profileTexts(texts.language)
  return html`<ul class="rows">
    ${sessions.map(
      (session) =>
        html`<li>
          <div>${sessionFacts(texts, session)}</div>
          <form method="post" action="${at}/sessions">
            ${hidden({ token, device: session.id })}<button
              class="plain danger"
              aria-label="${(session.isEnded ? words.removeOf : account.endOf)(session.name ?? session.id)}"
            >
              ${session.isEnded ? words.remove : account.end}
            </button>
          </form>
        </li>`,
    )}
  </ul>`
}

const tokensOf = (texts: Texts, { at, token, tokens }: AccountView): Content => {
  const { account } = texts
  return html`<p class="quiet">${account.tokensLead}</p>
    ${
      tokens.length > 0 &&
      html`<ul class="rows">
        ${tokens.map(
          ({ id, name, expires }) =>
            html`<li>
              <div>
                <strong>${name}</strong><br />
                <span class="quiet"
                  >${id} ·
                  ${expires === undefined ? account.tokenForever : html`${account.tokenUntil} ${day(texts, expires)}`}</span
                >
              </div>
              <form method="post" action="${at}/sessions">
                ${hidden({ token, device: id })}<button class="plain danger" aria-label="${account.endOf(name)}">
                  ${account.tokenEnd}
                </button>
              </form>
            </li>`,
        )}
      </ul>`
    }
    <p class="actions"><a class="button plain" href="${at}/tokens">${account.tokenNew}</a></p>`
}

const linksOf = ({ account }: Texts, { at, token, links }: AccountView): Content => {
  if (links.length === 0) return html`<p class="quiet">${account.noIdentities}</p>`
  return html`<ul class="rows">
    ${links.map(
      ({ provider, name, subject, label, removable }) =>
        html`<li>
          <div><strong>${name}</strong><br /><span class="quiet">${label}</span></div>
          ${
            removable
              ? html`<form method="post" action="${at}/unlink">
                  ${hidden({ token, provider, subject })}<button
                    class="plain danger"
                    aria-label="${account.unlinkOf(name)}"
                  >
                    ${account.unlink}
                  </button>
                </form>`
              : html`<span class="quiet">${account.lastOne}</span>`
          }
        </li>`,
    )}
  </ul>`
}

const profileOf = ({ account }: Texts, { at, token, displayName, nameLocked }: AccountView): Content =>
  nameLocked
    ? html`<p><strong>${displayName}</strong></p>
        <p class="quiet">${account.nameLocked}</p>`
    : html`<form method="post" action="${at}/name" class="inline">
        ${hidden({ token })}
        <div>
          <label for="name">${account.name}</label
          ><input id="name" name="name" value="${displayName}" maxlength="255" autocomplete="nickname" />
        </div>
        <button>${account.save}</button>
      </form>`

/** The account page. */
export const accountPage = (texts: Texts, view: AccountView): View => {
  const words = profileTexts(texts.language)
  const { account } = texts
  const section = (id: string, title: string, body: Content): Content =>
    html`<section class="card" aria-labelledby="${id}">
      <h2 id="${id}">${title}</h2>
      ${body}
    </section>`
  return {
    title: account.title,
    wide: true,
    body: html`<h1>${view.userId}</h1>
      ${view.notice !== undefined && html`<p class="notice" role="status">${view.notice}</p>`}
      ${section('profile', account.profile, html`${profileOf(texts, view)}${picturePart(words, view.profile)}`)}
      ${view.profile.password && section('password-part', words.password, passwordPart(words, view.profile))}
      ${view.profile.mail && section('mail-part', words.mail, mailPart(words, view.profile))}
      ${section('sessions', account.sessions, sessionsOf(texts, view))}
      ${section('tokens', account.tokens, tokensOf(texts, view))}
      ${section('identities', account.identities, html`${linksOf(texts, view)}${view.more.length > 0 && choicesOf(view.more, account.add)}`)}
      <form method="post" action="${view.at}/sign-out" class="actions">
        ${hidden({ token: view.token })}<button class="plain">${account.signOut}</button>
        <a class="button plain danger" href="${view.at}?action=org.matrix.account_deactivate">${words.close}</a>
      </form>`,
  }
}
