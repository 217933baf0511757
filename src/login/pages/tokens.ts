import type { Bound } from './account.ts'
import { html } from './html.ts'
import type { Page } from './page.ts'
import { hidden } from './sso.ts'
import type { Texts } from './texts.ts'

type View = Pick<Page, 'title' | 'body'>

/** How long a token may be good, in days; 0: without an end. */
export const tokenDays = [30, 90, 365, 0]

/** Where somebody makes an access token for a bot or script. */
export const newTokenPage = ({ tokens, actions }: Texts, { at, token }: Bound): View => ({
  title: tokens.title,
  body: html`<div class="card">
    <h1>${tokens.title}</h1>
    <p class="notice warn">${tokens.care}</p>
    <form method="post" action="${at}/tokens">
      ${hidden({ token })} <label for="name">${tokens.name}</label
      ><input id="name" name="name" maxlength="255" autocomplete="off" required />
      <label for="days">${tokens.end}</label
      ><select id="days" name="days">
        ${tokenDays.map((days) => html`<option value="${days}">${days === 0 ? tokens.never : tokens.days(days)}</option>`)}
      </select>
      <button>${tokens.go}</button> <a class="button plain" href="${at}">${actions.back}</a>
    </form>
  </div>`,
})

/** Shows a token, this once. */
export const madeTokenPage = (
  { tokens, actions }: Texts,
  { at, name, secret }: { at: string; name: string; secret: string },
): View => ({
  title: tokens.made,
  body: html`<div class="card" role="status">
    <h1>${tokens.made}</h1>
    <p><strong>${name}</strong></p>
    <p class="secret">${secret}</p>
    <p class="quiet">${tokens.once}</p>
    <p class="actions"><a class="button plain" href="${at}">${actions.back}</a></p>
  </div>`,
})
