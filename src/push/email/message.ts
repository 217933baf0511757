import { html, textOf, type Message } from '../../login/index.ts'
import { unreadTexts } from './texts.ts'

/** What of a room a mail tells. */
export interface UnreadRoom {
  readonly name: string
  /** Where a client opens it. */
  readonly link: string
  /** Oldest first. */
  readonly lines: readonly string[]
  /** Unread messages that are not among these. */
  readonly more: number
}

export interface UnreadMail {
  readonly to: string
  readonly brand: string
  readonly lang: string
  readonly rooms: readonly UnreadRoom[]
  readonly unsubscribe: string
}

/** The mail about what a user has not read, as plain text and as a page that says the same. */
export function unreadMail({ to, brand, lang, rooms, unsubscribe }: UnreadMail): Message {
  const texts = unreadTexts(lang)
  const linesOf = ({ lines, more }: UnreadRoom): string[] => [...(more > 0 ? [texts.more(more)] : []), ...lines]
  return {
    to,
    // One line, whatever a room is called.
    subject: texts
      .subject(
        brand,
        rooms.map(({ name }) => name),
      )
      .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
      .slice(0, 200)
      .toWellFormed(),
    unsubscribe,
    text: `${texts.lead}\n\n${rooms
      .map(
        (room) =>
          `${room.name}\n${linesOf(room)
            .map((line) => `  ${line}\n`)
            .join('')}  ${room.link}\n`,
      )
      .join('\n')}\n-- \n${texts.unsubscribe}\n${unsubscribe}\n`,
    html: textOf(
      html`<!doctype html>
        <html>
          <body style="font-family: sans-serif; max-width: 36em">
            <p>${texts.lead}</p>
            ${rooms.map(
              (room) =>
                html`<h3 style="margin-bottom: 0.3em">${room.name}</h3>
                  ${linesOf(room).map((line) => html`<p style="margin: 0.2em 0; white-space: pre-line">${line}</p> `)}
                  <p><a href="${room.link}">${texts.open}</a></p> `,
            )}
            <p style="color: #555; font-size: 0.9em">
              ${texts.unsubscribe} <a href="${unsubscribe}">${unsubscribe}</a>
            </p>
          </body>
        </html> `,
    ),
  }
}
