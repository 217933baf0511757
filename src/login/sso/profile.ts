// What people change of their own account on its page: password, picture, mail addresses.
import { field, Reply, type Route } from '../../http/index.ts'
import { addEmail, deleteEmail, pictureType, readEmails } from '../../identity/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { parseMxc } from '../../matrix/ids.ts'
import { Problem } from '../../providers/index.ts'
import type { Account } from '../../users/index.ts'
import { changePassword } from '../password/change.ts'
import { takesPasswords } from '../password/credentials.ts'
import { requestValidation, takeProof } from '../mail/validations.ts'
import { mailSentPage, passwordPage, type ProfileView } from '../pages/profile.ts'
import { type ProfileTexts, profileTexts } from '../pages/profile-texts.ts'
import { freshVisitor } from './actions.ts'
import { mustBeIn } from './visitor.ts'
import { formToken, pageRoute, type PageRequest, show, type Web } from './web.ts'

const at = (web: Web): string => `${web.base}/account`
const bound = (web: Web, request: PageRequest) => ({ at: at(web), token: formToken(request.browser) })
const textsOf = (request: PageRequest): ProfileTexts => profileTexts(request.texts.language)

/** After a form, so that a reload does not send it again. */
const backWith = (web: Web, done: keyof ProfileTexts['done'], cookie?: string): Reply =>
  new Reply({
    status: 303,
    headers: { location: `${at(web)}?done=${done}`, ...(cookie !== undefined && { 'set-cookie': cookie }) },
  })

const isLocked = async ({ context }: Web, user: number, what: 'avatar' | 'email'): Promise<boolean> =>
  (await context.identities.lockOf(user, what)) !== undefined

/** What the account page shows of it. */
export const profileOf = async (web: Web, request: PageRequest, account: Account): Promise<ProfileView> => {
  const { context } = web
  return {
    ...bound(web, request),
    password: takesPasswords(context) ? { isSet: account.hasPassword } : undefined,
    picture: context.people && {
      isSet: account.avatarUrl !== null,
      isLocked: await isLocked(web, account.nid, 'avatar'),
    },
    mail: context.mail && (await readEmails(context.database.read, account.nid)).map(({ address }) => address),
  }
}

const passwordRoutes = (web: Web): Route[] => {
  const open = async (request: PageRequest, problem?: string): Promise<Reply> => {
    if (!takesPasswords(web.context)) throw new Problem('not_allowed', 'There is no sign-in by password')
    const visitor = await freshVisitor(web, request, '/account/password')
    if (visitor instanceof Reply) return visitor
    const { userId, hasPassword: isSet } = visitor.account
    const view = passwordPage(textsOf(request), { ...bound(web, request), userId, isSet, problem })
    return show(web, request, {
      ...view,
      ...(problem !== undefined && { status: 400 }),
      cookie: web.browser.write(request.browser),
    })
  }
  return [
    pageRoute(web, {
      id: 'accountPassword',
      method: 'GET',
      path: '/account/password',
      handle: (request) => open(request),
    }),

    /** Sets it. Everything ends that was opened before, and this page is entered anew. */
    pageRoute(web, {
      id: 'accountPasswordSet',
      method: 'POST',
      path: '/account/password',
      handle: async (request) => {
        const texts = textsOf(request)
        const password = field(request.form, 'password') ?? ''
        const visitor = await freshVisitor(web, request, '/account/password')
        if (visitor instanceof Reply) return visitor
        if (!takesPasswords(web.context)) throw new Problem('not_allowed', 'There is no sign-in by password')
        if (password !== field(request.form, 'again')) return open(request, texts.passwordDiffers)
        const { account, visit } = visitor
        try {
          await changePassword(web.context, account.nid, password, { logout: true })
        } catch (error) {
          if (error instanceof MatrixError && error.errcode === 'M_WEAK_PASSWORD')
            return open(request, texts.passwordWeak)
          throw error
        }
        const secret = web.visits.begin({ user: account.nid, since: web.context.now(), from: visit.from })
        return backWith(web, 'password', web.visitor.write(secret))
      },
    }),
  ]
}

const pictureRoutes = (web: Web): Route[] => [
  pageRoute(web, {
    id: 'accountPicture',
    method: 'GET',
    path: '/account/picture',
    limit: 'default',
    handle: async (request) => {
      const { account } = await mustBeIn(web, request)
      const address = account.avatarUrl === null ? undefined : parseMxc(account.avatarUrl)
      if (!address || address.serverName !== web.context.serverName || !web.context.people)
        throw new Problem('not_found', 'There is no picture')
      const picture = await web.context.people.showPicture(address.mediaId, request.signal)
      // Another one has this address once it is changed.
      return new Reply({
        status: picture.status,
        headers: { ...picture.headers, 'cache-control': 'no-store', 'cross-origin-resource-policy': 'same-origin' },
        ...(picture.body !== undefined && { body: picture.body }),
      })
    },
  }),

  pageRoute(web, {
    id: 'accountPictureSet',
    method: 'POST',
    path: '/account/picture',
    file: 'picture',
    handle: async (request) => {
      const { account } = await mustBeIn(web, request)
      const { people, users } = web.context
      if (!people || (await isLocked(web, account.nid, 'avatar')))
        throw new Problem('not_allowed', 'The picture comes from a provider')
      const type = request.file && pictureType(Buffer.from(request.file))
      if (!request.file || type === undefined) throw new Problem('bad_picture', 'What was sent is no picture')
      const mxc = await people.savePicture(account, { bytes: request.file, type })
      await users.profiles.set(account.nid, 'avatar_url', mxc)
      return backWith(web, 'picture')
    },
  }),

  pageRoute(web, {
    id: 'accountPictureRemove',
    method: 'POST',
    path: '/account/picture/remove',
    handle: async (request) => {
      const { account } = await mustBeIn(web, request)
      if (await isLocked(web, account.nid, 'avatar'))
        throw new Problem('not_allowed', 'The picture comes from a provider')
      await web.context.users.profiles.remove(account.nid, 'avatar_url')
      return backWith(web, 'picture')
    },
  }),
]

/** Who can read its mail can set a new password: an address comes and goes only with a fresh proof of who it is. */
const mailRoutes = (web: Web): Route[] => {
  const { context } = web
  const waiting = (request: PageRequest, ticket: string, address: string, problem?: string): Reply =>
    show(web, request, {
      ...mailSentPage(textsOf(request), { ...bound(web, request), ticket, address, problem }),
      ...(problem !== undefined && { status: 400 }),
    })
  return [
    pageRoute(web, {
      id: 'accountMail',
      method: 'POST',
      path: '/account/mail',
      limit: 'registration',
      handle: async (request) => {
        const visitor = await freshVisitor(web, request, '/account')
        if (visitor instanceof Reply) return visitor
        const user = visitor.account.nid
        if (await isLocked(web, user, 'email')) throw new Problem('not_allowed', 'The address comes from a provider')
        const address = field(request.form, 'address')?.trim() ?? ''
        const clientSecret = context.randomId()
        try {
          const sid = await requestValidation(context, {
            purpose: 'add',
            email: address,
            clientSecret,
            sendAttempt: 1,
            user,
            language: request.texts.language,
          })
          const ticket = web.mailing.seal({ user, visit: visitor.visit.id, sid, clientSecret, address })
          return waiting(request, ticket, address)
        } catch (error) {
          if (!(error instanceof MatrixError)) throw error
          const code =
            error.errcode === 'M_THREEPID_IN_USE'
              ? 'mail_taken'
              : error.errcode === 'M_LIMIT_EXCEEDED'
                ? 'too_many'
                : 'bad_mail'
          throw new Problem(code, error.message, { cause: error })
        }
      },
    }),

    pageRoute(web, {
      id: 'accountMailConfirmed',
      method: 'POST',
      path: '/account/mail/confirmed',
      handle: async (request) => {
        const { account, visit } = await mustBeIn(web, request)
        const sealed = field(request.form, 'ticket') ?? ''
        const ticket = web.mailing.open(sealed)
        if (!ticket || ticket.user !== account.nid || ticket.visit !== visit.id)
          throw new Problem('lost', 'An address was not named here, or too long ago')
        const { sid, clientSecret, address } = ticket
        try {
          const proof = await takeProof(context, { sid, clientSecret }, 'add', account.nid)
          const added = await context.database.write((tx) =>
            addEmail(tx, account.nid, proof.address, proof.validated, context.now()),
          )
          if (!added) throw new Problem('mail_taken', 'The address belongs to another account')
          return backWith(web, 'mail')
        } catch (error) {
          if (error instanceof MatrixError && error.errcode === 'M_THREEPID_AUTH_FAILED')
            return waiting(request, sealed, address, textsOf(request).mailNotYet)
          throw error
        }
      },
    }),

    pageRoute(web, {
      id: 'accountMailRemove',
      method: 'POST',
      path: '/account/mail/remove',
      handle: async (request) => {
        const visitor = await freshVisitor(web, request, '/account')
        if (visitor instanceof Reply) return visitor
        const user = visitor.account.nid
        if (await isLocked(web, user, 'email')) throw new Problem('not_allowed', 'The address comes from a provider')
        await context.database.write((tx) => deleteEmail(tx, user, field(request.form, 'address') ?? ''))
        return backWith(web, 'mailGone')
      },
    }),
  ]
}

export const profileRoutes = (web: Web): Route[] => [
  ...passwordRoutes(web),
  ...pictureRoutes(web),
  ...(web.context.mail ? mailRoutes(web) : []),
]
