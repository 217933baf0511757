import { formToken, hidden, html, type Content } from '../../login/index.ts'
import type { Route } from '../../http/index.ts'
import type { AdminApiDeps, ExplainedToken } from '../deps.ts'
import type { SignInsOf } from '../sign-ins.ts'
import { type ConsoleRequest, consolePage, root, rows, time } from './frame.ts'

const path = '/providers'
const longestToken = 100_000

const noted = (title: string, notes: SignInsOf['keys']): Content =>
  notes.size > 0 &&
  html`<p class="quiet">
    ${title}
    ${[...notes].toReversed().map(([name, { count, last }], index) => `${index > 0 ? '; ' : ''}${name} (${count}, last ${time(last)})`)}
  </p>`

const numbers = (one: SignInsOf | undefined): Content =>
  one === undefined
    ? html`<p class="quiet">Nobody has tried since the start.</p>`
    : html`<p class="quiet">${one.accepted} sign-ins since the start, the last ${time(one.lastAccepted ?? null)}</p>
        ${noted('Keys: ', one.keys)} ${noted('Refused by: ', one.refused)}`

const explained = (what: ExplainedToken | undefined): Content =>
  what === undefined
    ? html`<p class="notice warn">No provider here takes tokens.</p>`
    : html`<p class="${what.accepted ? 'notice' : 'notice warn'}">
          ${what.accepted ? `This token signs in ${what.user ?? ''}` : `This token is refused: ${what.problem ?? ''}`}
        </p>
        ${what.fix !== undefined && html`<p>${what.fix}</p>`}
        <p class="quiet">Held against ${what.provider}</p>
        ${rows(
          what.steps.map(
            ({ rule, found }, index) =>
              html`<div>
                ${!what.accepted && index === what.steps.length - 1 ? '✗' : '✓'} ${rule}
                <span class="quiet">${found}</span>
              </div>`,
          ),
          'Nothing was looked at.',
        )}
        ${rows(
          Object.entries(what.takes).map(
            ([name, value]) => html`<div>${name} <span class="quiet">${value}</span></div>`,
          ),
          'Nothing is taken over of it.',
        )}`

/** Who vouches for people here, how that goes, and what becomes of a token. */
export const providerPages = (deps: AdminApiDeps): Route[] => {
  const { providers, signIns, explain } = deps
  const view = async (request: ConsoleRequest): Promise<{ title: string; body: Content }> => {
    const token = (request.form.get('credential') ?? '').trim()
    const others = [...signIns.byProvider.keys()].filter((id) => providers.every((one) => one.id !== id))
    const listed = [...providers, ...others.map((id) => ({ id, type: 'here' }))]
    return {
      title: 'Identity providers',
      body: html`${rows(
          listed.map(
            ({ id, type }) =>
              html`<div>
                <strong>${id}</strong> <span class="quiet">${type}</span>${numbers(signIns.byProvider.get(id))}
              </div>`,
          ),
          'None: people sign in by passwords of this server.',
        )}
        <h2>What becomes of a token?</h2>
        <form method="post" action="${deps.login.web.base}${root}${path}">
          ${hidden({ token: formToken(request.browser) })}
          <label for="credential">A token of a provider (JWT), or the field SAMLResponse</label>
          <textarea
            id="credential"
            name="credential"
            rows="5"
            maxlength="${longestToken}"
            spellcheck="false"
          ></textarea>
          <button class="plain">Explain</button>
        </form>
        ${token !== '' && explained(await explain(token.slice(0, longestToken)))}`,
    }
  }
  return [
    consolePage(deps, { id: 'consoleProviders', path }, view),
    // It changes nothing: a form, so that no token stands in an address.
    consolePage(deps, { id: 'consoleExplain', path, method: 'POST' }, view),
  ]
}
