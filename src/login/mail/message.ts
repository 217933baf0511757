import { html, textOf } from '../pages/html.ts'
import type { Purpose } from './store.ts'
import type { MailTexts } from './texts.ts'

/** A mail, as plain text and as a page that says the same. */
export interface Message {
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** Where whoever does not want such mail any more can say so, by opening it or by one POST. */
  readonly unsubscribe?: string
}

/** The mail that asks its reader to confirm that the address is theirs. */
export const validationMail = (
  texts: MailTexts,
  { to, server, purpose, link }: { to: string; server: string; purpose: Purpose; link: string },
): Message => {
  const lead = texts.lead[purpose](server)
  return {
    to,
    subject: texts.subject[purpose](server),
    text: `${lead}\n\n${texts.open}\n${link}\n\n${texts.care}\n`,
    html: textOf(
      html`<!doctype html>
        <html>
          <body style="font-family: sans-serif; max-width: 36em">
            <p>${lead}</p>
            <p>${texts.open}</p>
            <p>
              <a
                href="${link}"
                style="display: inline-block; padding: 0.6em 1.2em; background: #1f5fbf; color: #fff; text-decoration: none; border-radius: 0.4em"
                >${texts.go}</a
              >
            </p>
            <p style="color: #555; font-size: 0.9em">${link}</p>
            <p>${texts.care}</p>
          </body>
        </html> `,
    ),
  }
}
