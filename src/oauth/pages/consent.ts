import { type Content, hidden, html } from '../../login/index.ts'
import type { Client } from '../clients.ts'
import type { OAuthTexts } from './texts.ts'

/** A page, but for what all have in common. */
export interface View {
  readonly title: string
  readonly body: Content
}

/** Where somebody says whether an app gets their account. */
export interface Consent {
  readonly action: string
  readonly token: string
  readonly ticket: string
  readonly client: Client
  readonly userId: string
  readonly displayName: string | undefined
  readonly deviceId: string
  /** The session whose place it takes. */
  readonly replaces: string | undefined
  /** The redirect URI. */
  readonly target: string
  /** Where to sign in as somebody else. */
  readonly another: string
}

/** What people know a place by: the host of a website, the words for an app on the device they sit at. */
const placeOf = (uri: string, { consent }: OAuthTexts): string => {
  const { protocol, hostname } = new URL(uri)
  const isHere = !/^https?:$/.test(protocol) || ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  return isHere ? consent.localApp : hostname
}

const siteOf = ({ uri, name }: Client): string | undefined => {
  const host = uri === undefined ? undefined : new URL(uri).hostname
  return host === name ? undefined : host
}

/** What an app says of itself, to be looked at elsewhere. */
const linksOf = ({ terms, policy }: Client, { consent }: OAuthTexts): Content => {
  const links = [
    [terms, consent.terms],
    [policy, consent.policy],
  ].filter((link): link is [string, string] => link[0] !== undefined)
  if (links.length === 0) return undefined
  return html`<p class="quiet">
    ${links.map(([href, text], at) => html`${at > 0 && ' · '}<a href="${href}" rel="noreferrer" target="_blank">${text}</a>`)}
  </p>`
}

/** Who somebody is signed in as, and what an app is going to be. */
export const facts = (rows: readonly (readonly [string, Content])[]): Content =>
  html`<ul class="rows">
    ${rows.map(
      ([name, value]) =>
        html`<li>
          <div><span class="quiet">${name}</span><br /><strong>${value}</strong></div>
        </li>`,
    )}
  </ul>`

/** Asks whether an app is to get the account. */
export const consentPage = (texts: OAuthTexts, view: Consent): View => {
  const { consent } = texts
  const { client } = view
  return {
    title: consent.title(client.name),
    body: html`<div class="card">
      <h1>${consent.title(client.name)}</h1>
      <p>
        ${consent.lead(client.name, siteOf(client))}<br /><strong>${view.userId}</strong>${
          view.displayName !== undefined && html`<br /><span class="quiet">${view.displayName}</span>`
        }
      </p>
      <p>${consent.may}</p>
      <ul>
        ${consent.rights.map((right) => html`<li>${right}</li>`)}
      </ul>
      <p class="quiet">${consent.device} ${view.deviceId}</p>
      ${view.replaces !== undefined && html`<p>${consent.replaces(view.replaces)}</p>`}
      <p class="quiet">${consent.returns(placeOf(view.target, texts))} ${consent.care}</p>
      ${linksOf(client, texts)}
      <form method="post" action="${view.action}" class="actions">
        ${hidden({ token: view.token, ticket: view.ticket })}<button name="answer" value="allow">
          ${consent.allow}</button
        ><button class="plain" name="answer" value="deny">${consent.deny}</button>
      </form>
      <p class="quiet"><a href="${view.another}">${consent.another}</a></p>
    </div>`,
  }
}
