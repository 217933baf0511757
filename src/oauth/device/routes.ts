import { field, type Route } from '../../http/index.ts'
import {
  browserHash,
  door,
  doorHref,
  formToken,
  pageRoute,
  type PageRequest,
  Problem,
  show,
  visitorOf,
} from '../../login/index.ts'
import { createSeal } from '../../sessions/index.ts'
import { findClient } from '../clients.ts'
import type { OAuthContext } from '../deps.ts'
import { codePage, devicePage, linkedPage } from '../pages/link.ts'
import { textsFor } from '../pages/texts.ts'
import { parseScope } from '../scope.ts'
import { answerDeviceCode, readDeviceCode, readUserCode, type StoredDeviceCode } from '../store/codes.ts'
import { deviceAuthorizationRoute } from './authorization.ts'
import { shownCode, typedCode } from './user-code.ts'

/** Somebody who is asked whether a device is to be let in. */
interface Asked {
  readonly hash: string
  readonly user: number
  readonly visit: string
  readonly browser: string
}

const askedMs = 20 * 60_000

/** Where devices ask to be let in, and people let them. */
export const deviceRoutes = (context: OAuthContext): Route[] => {
  const { web } = context.login
  const asking = createSeal<Asked>(web.sealing, 'oauth device', askedMs)
  const at = `${web.base}/link`

  /** What waits under a code that was typed. Codes can be guessed: who misses too often has to wait. @throws MatrixError M_LIMIT_EXCEEDED */
  const find = async (page: PageRequest, typed: string | null): Promise<StoredDeviceCode | undefined> => {
    const code = typedCode(typed)
    const waiting = code === undefined ? undefined : await readUserCode(context.database.read, code)
    if (waiting?.state === 'waiting' && waiting.expires_ts > context.now()) return waiting
    context.sessions.failures.badToken(page.ip)
    return undefined
  }

  return [
    deviceAuthorizationRoute(context),

    /** Where people are sent by what a device shows. */
    pageRoute(web, {
      id: 'oauthLink',
      method: 'GET',
      path: '/link',
      handle: async (page) => {
        const typed = page.query.get('user_code') ?? page.query.get('code')
        const texts = textsFor(page.texts)
        const visitor = await visitorOf(web, page)
        const code = typedCode(typed)
        const onwards = code === undefined ? '/link' : `/link?user_code=${shownCode(code)}`
        if (!visitor) return door(web, page, { onwards, title: texts.link.title })
        if (typed === null) return show(web, page, codePage(texts, { action: at, isUnknown: false }))
        const waiting = await find(page, typed)
        const client = waiting && (await findClient(context, waiting.client_id))
        if (!waiting || !client) return show(web, page, codePage(texts, { action: at, isUnknown: true }))
        const { account, visit } = visitor
        return show(web, page, {
          ...devicePage(texts, {
            action: at,
            token: formToken(page.browser),
            ticket: asking.seal({
              hash: waiting.device_hash,
              user: account.nid,
              visit: visit.id,
              browser: browserHash(page.browser),
            }),
            client,
            userId: account.userId,
            code: shownCode(waiting.user_code),
            deviceId: parseScope(waiting.scope).deviceId,
            address: waiting.ip,
            asked: waiting.created_ts,
            another: doorHref(web, { onwards, fresh: true }),
          }),
          cookie: web.browser.write(page.browser),
        })
      },
    }),

    /** What somebody has answered. */
    pageRoute(web, {
      id: 'oauthLinked',
      method: 'POST',
      path: '/link',
      handle: async (page) => {
        const asked = asking.open(field(page.form, 'ticket'))
        const visitor = await visitorOf(web, page)
        if (!asked || asked.browser !== browserHash(page.browser) || visitor?.visit.id !== asked.visit)
          throw new Problem('lost', 'Nobody was asked in this browser, or somebody else has signed in meanwhile')
        const { account, visit } = visitor
        const waiting = await readDeviceCode(context.database.read, asked.hash)
        if (!waiting || waiting.expires_ts <= context.now()) throw new Problem('lost', 'The device waits no more')
        const isAllowed = field(page.form, 'answer') === 'allow'
        const { deviceId } = parseScope(waiting.scope)
        // Whoever lets in a stranger must not hand over a device that is trusted already.
        if (isAllowed && (await context.devices.list(account.nid)).some((device) => device.deviceId === deviceId))
          throw new Problem('device_taken', `The device ${deviceId} is there already`)
        const { from } = visit
        const answered = await context.database.write((tx) =>
          answerDeviceCode(tx, asked.hash, {
            state: isAllowed ? 'allowed' : 'denied',
            user_nid: account.nid,
            auth_ts: visit.since,
            provider: from?.people ?? null,
            subject: from?.subject ?? null,
            sid: from?.sid ?? null,
            session_until: from?.until ?? null,
          }),
        )
        if (!answered) throw new Problem('lost', 'The device was answered already')
        context.logger.info(
          { trace: page.trace, client: waiting.client_id, user: account.userId, device: deviceId, isAllowed },
          'somebody answered a device that asks to be let in',
        )
        return show(web, page, linkedPage(textsFor(page.texts), isAllowed))
      },
    }),
  ]
}
