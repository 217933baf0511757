import type { Config } from '../../config/index.ts'
import type { Jobs } from '../../jobs/index.ts'
import type { Tx } from '../../storage/index.ts'
import type { Message } from './message.ts'

export interface MailDeps {
  readonly config: Pick<Config, 'email'>
  readonly jobs: Jobs
  readonly logger: { warn(details: object, message: string): void }
}

/** Sends mail to people. */
export interface Mail {
  /** Queues a mail inside a write; it is sent after that is committed, and tried again for an hour where the mail server is away. */
  send(tx: Tx, message: Message): Promise<void>
}

const queue = 'mail'
const minute = 60_000

/** @see https://www.rfc-editor.org/rfc/rfc8058 */
const unsubscribed = (link: string | undefined): Record<string, string> =>
  link === undefined ? {} : { 'List-Unsubscribe': `<${link}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }

/** The way to send mail; undefined where the settings name no mail server. */
export function openMail({ config: { email }, jobs, logger }: MailDeps): Mail | undefined {
  const { smtp, from } = email
  if (smtp === undefined || from === undefined) return undefined
  const url = new URL(smtp)
  const secure = url.protocol === 'smtps:'
  jobs.work(queue, {
    concurrency: 4,
    leaseMs: minute,
    firstMs: 2000,
    mostMs: 5 * minute,
    giveUpAfterMs: 60 * minute,
    onGiveUp: (_job, error) => logger.warn({ err: error }, 'a mail was given up'),
    handle: async ({ payload }) => {
      const { to, subject, text, html, unsubscribe } = payload as unknown as Message // as `send` below stores it
      // Loaded when first needed: most servers send no mail.
      const { createTransport } = await import('nodemailer')
      const transport = createTransport({
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: Number(url.port || (secure ? 465 : 587)),
        secure,
        requireTLS: !secure && !email.allow_plain,
        ...(url.username !== '' && {
          auth: { user: decodeURIComponent(url.username), pass: decodeURIComponent(url.password) },
        }),
        connectionTimeout: 10_000,
        greetingTimeout: 10_000,
        socketTimeout: 20_000,
        disableFileAccess: true,
        disableUrlAccess: true,
      })
      try {
        // As an object the address is taken as one, whatever is in it.
        await transport.sendMail({
          from,
          to: { name: '', address: to },
          subject,
          text,
          html,
          headers: { 'Auto-Submitted': 'auto-generated', ...unsubscribed(unsubscribe) },
        })
      } catch (error) {
        logger.warn({ err: error, host: url.host }, 'a mail could not be sent')
        throw error
      } finally {
        transport.close()
      }
    },
  })
  return { send: (tx, message) => jobs.enqueue(tx, { queue, key: message.to, payload: { ...message }, most: 10 }) }
}
