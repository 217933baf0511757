import { html, type Content } from './html.ts'
import type { Page } from './page.ts'
import type { ProfileTexts } from './profile-texts.ts'
import { hidden } from './sso.ts'

type View = Pick<Page, 'title' | 'body'>

/** What the account page shows of a profile, beside the name. */
export interface ProfileView {
  readonly at: string
  readonly token: string
  /** Undefined: people have no passwords here. */
  readonly password: { readonly isSet: boolean } | undefined
  /** Undefined: none can be kept. */
  readonly picture: { readonly isSet: boolean; readonly isLocked: boolean } | undefined
  /** Undefined: no mail is sent. */
  readonly mail: readonly string[] | undefined
}

const warning = (text: string | undefined): Content =>
  text !== undefined && html`<p class="notice warn" role="alert">${text}</p>`

/** Picture, with the way to another one. */
export const picturePart = (texts: ProfileTexts, { at, token, picture }: ProfileView): Content => {
  if (!picture) return undefined
  const shown =
    picture.isSet && html`<img class="picture" src="${at}/picture" alt="${texts.pictureNow}" width="64" height="64" />`
  if (picture.isLocked)
    return (
      picture.isSet &&
      html`<div class="picture-row">
        ${shown}
        <p class="quiet">${texts.pictureLocked}</p>
      </div>`
    )
  return html`<div class="picture-row">
    ${shown}
    <div>
      <form method="post" action="${at}/picture" enctype="multipart/form-data">
        ${hidden({ token })} <label for="picture">${texts.picture}</label>
        <input id="picture" name="picture" type="file" accept="image/png,image/jpeg,image/gif,image/webp" required />
        <p class="quiet">${texts.pictureChoose}</p>
        <button>${texts.pictureSave}</button>
      </form>
      ${
        picture.isSet &&
        html`<form method="post" action="${at}/picture/remove">
          ${hidden({ token })}<button class="plain">${texts.pictureRemove}</button>
        </form>`
      }
    </div>
  </div>`
}

/** Whether there is a password, and the way to another one. */
export const passwordPart = (texts: ProfileTexts, { at, password }: ProfileView): Content =>
  password &&
  html`<p>${password.isSet ? texts.passwordSet : texts.passwordNone}</p>
    <p class="actions">
      <a class="button plain" href="${at}/password">${password.isSet ? texts.passwordChange : texts.passwordMake}</a>
    </p>`

/** Mail addresses, each with the way to take it away, and the way to a further one. */
export const mailPart = (texts: ProfileTexts, { at, token, mail }: ProfileView): Content =>
  mail &&
  html`${
      mail.length === 0
        ? html`<p class="quiet">${texts.mailNone}</p>`
        : html`<ul class="rows">
            ${mail.map(
              (address) =>
                html`<li>
                  <div>${address}</div>
                  <form method="post" action="${at}/mail/remove">
                    ${hidden({ token, address })}<button
                      class="plain danger"
                      aria-label="${texts.mailRemoveOf(address)}"
                    >
                      ${texts.mailRemove}
                    </button>
                  </form>
                </li>`,
            )}
          </ul>`
    }
    <form method="post" action="${at}/mail" class="inline">
      ${hidden({ token })}
      <div>
        <label for="mail">${texts.mailAddress}</label
        ><input id="mail" name="address" type="email" maxlength="255" autocomplete="email" required />
      </div>
      <button>${texts.mailAdd}</button>
    </form>`

/** Where somebody sets another password. */
export const passwordPage = (
  texts: ProfileTexts,
  {
    at,
    token,
    userId,
    isSet,
    problem,
  }: { at: string; token: string; userId: string; isSet: boolean; problem?: string | undefined },
): View => ({
  title: isSet ? texts.passwordChange : texts.passwordMake,
  body: html`<div class="card">
    <h1>${isSet ? texts.passwordChange : texts.passwordMake}</h1>
    <p><strong>${userId}</strong></p>
    ${warning(problem)}
    <form method="post" action="${at}/password">
      ${hidden({ token })}<input type="hidden" name="username" value="${userId}" autocomplete="username" />
      <label for="new">${texts.passwordNew}</label
      ><input id="new" name="password" type="password" autocomplete="new-password" minlength="8" required />
      <label for="again">${texts.passwordAgain}</label
      ><input id="again" name="again" type="password" autocomplete="new-password" minlength="8" required />
      <p class="quiet">${texts.passwordEnds}</p>
      <button>${texts.passwordSave}</button> <a class="button plain" href="${at}">${texts.cancel}</a>
    </form>
  </div>`,
})

/** Waits for somebody to open the link in their mail. */
export const mailSentPage = (
  texts: ProfileTexts,
  {
    at,
    token,
    ticket,
    address,
    problem,
  }: { at: string; token: string; ticket: string; address: string; problem?: string | undefined },
): View => ({
  title: texts.mailSent,
  body: html`<div class="card">
    <h1>${texts.mailSent}</h1>
    ${warning(problem)}
    <p>${texts.mailSentLead(address)}</p>
    <form method="post" action="${at}/mail/confirmed" class="actions">
      ${hidden({ token, ticket })}<button>${texts.mailGo}</button
      ><a class="button plain" href="${at}">${texts.cancel}</a>
    </form>
  </div>`,
})
