import { type Bound, sessionFacts, type ShownSession } from './account.ts'
import { html } from './html.ts'
import type { Page } from './page.ts'
import { hidden } from './sso.ts'
import type { Texts } from './texts.ts'

type View = Pick<Page, 'title' | 'body'>

/** Asks somebody who has just signed in whether they want what an app asks for. */
export const agreePage = (
  { confirm: texts }: Texts,
  { at, token, ticket, userId, operation }: Bound & { ticket: string; userId: string; operation: string },
): View => {
  const [, what] =
    Object.entries(texts.operations).find(([name]) => operation === name || operation.startsWith(`${name} `)) ?? []
  return {
    title: texts.title,
    body: html`<div class="card">
      <h1>${texts.title}</h1>
      <p>${texts.lead(userId)}</p>
      <p><strong>${what ?? texts.other}</strong></p>
      <p class="quiet">${texts.care}</p>
      <form method="post" action="${at}/confirm" class="actions">
        ${hidden({ token, ticket })}<button>${texts.here}</button><a class="button plain" href="${at}">${texts.not}</a>
      </form>
    </div>`,
  }
}

/** One session, with the way to end it. */
export const sessionPage = (
  texts: Texts,
  { at, token, session, isEnding }: Bound & { session: ShownSession; isEnding: boolean },
): View => {
  const { account, actions } = texts
  const title = isEnding ? actions.endTitle : actions.session
  return {
    title,
    body: html`<div class="card">
      <h1>${title}</h1>
      <p>${sessionFacts(texts, session)}</p>
      <p class="quiet">${actions.endCare}</p>
      <form method="post" action="${at}/sessions" class="actions">
        ${hidden({ token, device: session.id })}<button class="danger plain">${account.end}</button
        ><a class="button plain" href="${at}">${actions.back}</a>
      </form>
    </div>`,
  }
}

/** Asks whether an account is to be closed for good. */
export const deactivatePage = (
  { actions }: Texts,
  { at, token, userId, isUnsure }: Bound & { userId: string; isUnsure: boolean },
): View => ({
  title: actions.closeTitle,
  body: html`<div class="card">
    <h1>${actions.closeTitle}</h1>
    <p><strong>${userId}</strong></p>
    <p class="notice warn">${actions.closeLead}</p>
    ${isUnsure && html`<p class="notice warn" role="alert">${actions.closeUnsure}</p>`}
    <form method="post" action="${at}/deactivate">
      ${hidden({ token })} <label for="name">${actions.closeType(userId)}</label
      ><input id="name" name="name" autocomplete="off" autocapitalize="none" spellcheck="false" required />
      <p>
        <label class="check"><input type="checkbox" name="erase" value="yes" /> ${actions.erase}</label>
      </p>
      <button class="danger plain">${actions.close}</button> <a class="button plain" href="${at}">${actions.back}</a>
    </form>
  </div>`,
})

/** Said once it is closed. */
export const closedPage = ({ actions }: Texts): View => ({
  title: actions.closed,
  body: html`<div class="card" role="status">
    <h1>${actions.closed}</h1>
    <p>${actions.closedLead}</p>
  </div>`,
})
