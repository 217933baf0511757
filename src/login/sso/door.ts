import { field, Reply, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { isSameSecret } from '../../sessions/index.ts'
import { gate } from '../../users/index.ts'
import { loweredName, register } from '../accounts.ts'
import { isRegistrationToken, takeRegistrationToken } from '../tokens-to-register/index.ts'
import { takesPasswords } from '../password/credentials.ts'
import { doorPage, signUpPage } from '../pages/account.ts'
import { depart, providerOf } from './journey.ts'
import { Problem } from '../../providers/index.ts'
import { passwordOf } from './password.ts'
import { accountAt, type Door, formToken, pageRoute, type PageRequest, show, type Web } from './web.ts'

const at = (web: Web): string => `${web.base}/account`

/** Where somebody stands before that door. */
export const doorHref = (web: Web, door: Door): string => `${at(web)}/sign-in?door=${web.doors.seal(door)}`

/**
 * Has somebody sign in, by every way there is, and go on from there.
 * @param create they want to make an account, where they can
 */
export const door = (web: Web, request: PageRequest, door: Door, create = false): Reply => {
  const { context, canRegister } = web
  const ticket = web.doors.seal(door)
  const common = { at: at(web), token: formToken(request.browser), ticket, title: door.title, hint: door.hint }
  const formTo = door.formTo
  const cookie = web.browser.write(request.browser)
  if (create && canRegister) {
    const { registration } = context.config
    const view = signUpPage(request.texts, {
      ...common,
      server: context.serverName,
      byToken: registration === 'token',
      problem: undefined,
    })
    return show(web, request, { ...view, formTo, cookie })
  }
  const choices = context.providers.browser.map(({ id, name }) => ({
    name,
    href: `${at(web)}/sign-in/${id}?door=${ticket}`,
  }))
  const view = doorPage(request.texts, {
    ...common,
    server: context.serverName,
    choices,
    password: takesPasswords(context),
    fromApp: context.providers.takesTokens,
    signUp: canRegister ? `${at(web)}/sign-up?door=${ticket}` : undefined,
  })
  return show(web, request, { ...view, formTo, cookie })
}

/** The door that was shown in this request's page; that of the account page where it names none. */
const doorIn = (web: Web, sealed: string | null | undefined): Door => {
  if (sealed === null || sealed === undefined) return { onwards: '/account' }
  const found = web.doors.open(sealed)
  if (!found) throw new Problem('lost', 'A sign-in was begun too long ago')
  return found
}

/** Lets somebody in who has just shown who they are. */
const letIn = (web: Web, user: number, onwards: string): Reply =>
  new Reply({
    status: 303,
    headers: {
      location: `${web.base}${onwards}`,
      'set-cookie': web.visitor.write(web.visits.begin({ user, since: web.context.now() })),
    },
  })

const refusals: ReadonlySet<string> = new Set([
  'M_USER_IN_USE',
  'M_INVALID_USERNAME',
  'M_EXCLUSIVE',
  'M_WEAK_PASSWORD',
  'M_FORBIDDEN',
])

/** The registration token that somebody has filled in, where one is needed. @throws MatrixError M_FORBIDDEN */
const tokenIn = async ({ context }: Web, { form, ip }: PageRequest): Promise<string | undefined> => {
  if (context.config.registration !== 'token') return undefined
  const token = field(form, 'registration_token')?.trim() ?? ''
  if (context.config.registration_tokens.some((known) => isSameSecret(known, token))) return undefined
  if (await isRegistrationToken(context, token)) return token
  context.sessions.failures.badToken(ip)
  throw new MatrixError('M_FORBIDDEN', 'This registration token is not valid')
}

/** Makes an account of what somebody has filled in. Resolves to its short id. @throws MatrixError */
const signUp = async (web: Web, request: PageRequest): Promise<number> => {
  const { passwords, users, now } = web.context
  const token = await tokenIn(web, request)
  const localpart = loweredName(field(request.form, 'user')?.trim() ?? '')
  const password = field(request.form, 'password') ?? ''
  passwords.check(password)
  const passwordHash = await passwords.hash(password)
  const { userId } = await register(
    web.context,
    { localpart, createdBy: 'register', passwordHash },
    undefined,
    undefined,
    token === undefined ? undefined : (tx) => takeRegistrationToken(tx, token, now()),
  )
  const user = await users.find(userId)
  if (user === undefined) throw new Error('The account that was just made is gone')
  return user
}

/** What is before the pages: signing in, and making an account. */
export const doorRoutes = (web: Web): Route[] => [
  pageRoute(web, {
    id: 'accountDoor',
    method: 'GET',
    path: '/account/sign-in',
    handle: (request) => door(web, request, doorIn(web, request.query.get('door'))),
  }),

  pageRoute(web, {
    id: 'accountBy',
    method: 'GET',
    path: '/account/sign-in/:provider',
    handle: (request) => {
      const { onwards, fresh = false } = doorIn(web, request.query.get('door'))
      return depart(web, request, providerOf(web, request.params['provider']), { to: 'account', onwards }, fresh)
    },
  }),

  pageRoute(web, {
    id: 'accountSignIn',
    method: 'POST',
    path: '/account/sign-in',
    handle: async (request) => {
      const { onwards } = doorIn(web, field(request.form, 'door'))
      const { endings } = web.context.sessions
      const { mark } = endings
      const user = await passwordOf(web, request, field(request.form, 'user')?.trim() ?? '')
      await accountAt(web, user, gate)
      if (!endings.stands(mark, { user })) throw new Problem('lost', 'The password was changed while it was looked at')
      return letIn(web, user, onwards)
    },
  }),

  pageRoute(web, {
    id: 'accountSignUpPage',
    method: 'GET',
    path: '/account/sign-up',
    handle: (request) => door(web, request, doorIn(web, request.query.get('door')), true),
  }),

  pageRoute(web, {
    id: 'accountSignUp',
    method: 'POST',
    path: '/account/sign-up',
    limit: 'registration',
    handle: async (request) => {
      if (!web.canRegister) throw new Problem('not_allowed', 'Nobody can make an account on a page')
      const behind = doorIn(web, field(request.form, 'door'))
      try {
        return letIn(web, await signUp(web, request), behind.onwards)
      } catch (error) {
        if (!(error instanceof MatrixError) || !refusals.has(error.errcode)) throw error
        const view = signUpPage(request.texts, {
          at: at(web),
          token: formToken(request.browser),
          ticket: web.doors.seal(behind),
          title: behind.title,
          hint: field(request.form, 'user'),
          server: web.context.serverName,
          byToken: web.context.config.registration === 'token',
          problem: error.errcode,
        })
        return show(web, request, { ...view, status: 400, formTo: behind.formTo })
      }
    },
  }),
]
