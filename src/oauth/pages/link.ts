import { hidden, html } from '../../login/index.ts'
import type { Client } from '../clients.ts'
import { facts, type View } from './consent.ts'
import type { OAuthTexts } from './texts.ts'

/** Where somebody types the code that another device shows. */
export const codePage = (
  { link }: OAuthTexts,
  { action, isUnknown }: { action: string; isUnknown: boolean },
): View => ({
  title: link.title,
  body: html`<div class="card">
    <h1>${link.title}</h1>
    <p>${link.lead}</p>
    ${isUnknown && html`<p class="notice" role="alert">${link.unknown}</p>`}
    <form method="get" action="${action}">
      <label for="user_code">${link.code}</label
      ><input
        id="user_code"
        name="user_code"
        autocomplete="off"
        autocapitalize="characters"
        spellcheck="false"
        placeholder="BCDF-GHJK"
        required
        autofocus
      />
      <button>${link.go}</button>
    </form>
  </div>`,
})

/** Asks whether the device that waits is to be let in. */
export const devicePage = (
  texts: OAuthTexts,
  view: {
    action: string
    token: string
    ticket: string
    client: Client
    userId: string
    code: string
    deviceId: string
    address: string
    asked: number
    another: string
  },
): View => {
  const { link, consent } = texts
  const when = new Date(view.asked).toISOString().slice(11, 16)
  return {
    title: link.confirm(view.client.name),
    body: html`<div class="card">
      <h1>${link.confirm(view.client.name)}</h1>
      <p>${link.compare}</p>
      <p class="code">${view.code}</p>
      <p class="notice warn">${link.care}</p>
      ${facts([
        [consent.lead(view.client.name, undefined), view.userId],
        [consent.device, view.deviceId],
      ])}
      <p class="quiet">${link.from(view.address, when)}</p>
      <form method="post" action="${view.action}" class="actions">
        ${hidden({ token: view.token, ticket: view.ticket })}<button name="answer" value="allow">
          ${consent.allow}</button
        ><button class="plain" name="answer" value="deny">${consent.deny}</button>
      </form>
      <p class="quiet"><a href="${view.another}">${consent.another}</a></p>
    </div>`,
  }
}

/** Said once it is done. */
export const linkedPage = ({ link }: OAuthTexts, isAllowed: boolean): View => ({
  title: isAllowed ? link.done : link.denied,
  body: html`<div class="card" role="status">
    <h1>${isAllowed ? link.done : link.denied}</h1>
    <p>${isAllowed ? link.doneLead : link.deniedLead}</p>
  </div>`,
})
