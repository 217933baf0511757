import { type Static, Type } from 'typebox'
import { Reply, type Route, type Session } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import { parseMxc } from '../../matrix/ids.ts'
import type { Account } from '../../users/index.ts'
import type { AdminApiDeps } from '../deps.ts'
import { adminRoute, UserParams } from './route.ts'
import { detailOf, ExternalId, mustBeLocal, ThreePid, UserDetail } from './user.ts'

const nullable = <T extends Parameters<typeof Type.Optional>[0]>(type: T) =>
  Type.Optional(Type.Union([type, Type.Null()]))

const Body = Type.Object({
  password: nullable(Type.String()),
  logout_devices: nullable(Type.Boolean()),
  displayname: nullable(Type.String()),
  avatar_url: nullable(Type.String()),
  threepids: nullable(Type.Array(ThreePid, { maxItems: 100 })),
  external_ids: nullable(Type.Array(ExternalId, { maxItems: 100 })),
  admin: nullable(Type.Boolean()),
  deactivated: nullable(Type.Boolean()),
  locked: nullable(Type.Boolean()),
  suspended: nullable(Type.Boolean()),
  user_type: nullable(Type.String()),
})
type Wish = Static<typeof Body>

const userTypes = new Set(['bot', 'support'])

/** Everything that can be wrong is looked at before anything is changed. */
function check(session: Session, userId: string, wish: Wish): void {
  const invalid = (message: string): MatrixError => new MatrixError('M_INVALID_PARAM', message)
  if (typeof wish.password === 'string' && wish.password.length > 512)
    throw invalid('A password can have 512 characters')
  if (typeof wish.user_type === 'string' && !userTypes.has(wish.user_type))
    throw invalid('"user_type" is "bot", "support" or null')
  if (wish.deactivated && wish.locked) throw invalid('An account is either deactivated or locked')
  if (userId === session.userId && wish.admin === false)
    throw new MatrixError('M_FORBIDDEN', 'You may not take the rights of an administrator from yourself')
  if (userId === session.userId && (wish.deactivated || wish.locked || wish.suspended))
    throw new MatrixError('M_FORBIDDEN', 'This is your own account')
  if (wish.threepids?.some(({ medium }) => medium !== 'email'))
    throw invalid('Only mail addresses are kept here: "medium" is "email"')
  if (typeof wish.avatar_url === 'string' && wish.avatar_url !== '' && !parseMxc(wish.avatar_url))
    throw invalid('"avatar_url" must be an mxc:// address')
}

async function setLinks(
  { identities }: AdminApiDeps,
  user: number,
  wanted: Static<typeof ExternalId>[],
): Promise<void> {
  const named = wanted.map((one) => ({ provider: one.auth_provider, subject: one.external_id }))
  for (const one of named) await identities.links.add(user, one, 'operator')
  const kept = new Set<string>()
  for (const one of named) {
    for (const held of await identities.links.of(user))
      if (held.subject === one.subject && (await identities.links.linkedTo(one)) === user)
        kept.add(`${held.provider} ${held.subject}`)
  }
  for (const held of await identities.links.of(user))
    if (!kept.has(`${held.provider} ${held.subject}`)) await identities.links.remove(user, held, 'operator')
}

async function change(deps: AdminApiDeps, account: Account, wish: Wish): Promise<void> {
  const { users, login, identities } = deps
  const user = account.nid
  if (wish.deactivated === false && account.deactivated) await users.reactivate(user)
  if (typeof wish.password === 'string')
    await login.administration.setPassword(user, wish.password, wish.logout_devices !== false)
  if (typeof wish.displayname === 'string') await users.profiles.set(user, 'displayname', wish.displayname)
  if (typeof wish.avatar_url === 'string') await users.profiles.set(user, 'avatar_url', wish.avatar_url)
  if (wish.threepids)
    await login.administration.setEmails(
      user,
      wish.threepids.map(({ address }) => address),
    )
  if (wish.external_ids) await setLinks(deps, user, wish.external_ids)
  if (typeof wish.admin === 'boolean' && wish.admin !== account.admin) await users.setAdmin(user, wish.admin)
  if (wish.user_type !== undefined && wish.user_type !== account.userType) await users.setUserType(user, wish.user_type)
  if (typeof wish.locked === 'boolean' && wish.locked !== account.locked) {
    await identities.locks.take(user)
    await users.setLocked(user, wish.locked)
  }
  if (typeof wish.suspended === 'boolean' && wish.suspended !== account.suspended)
    await users.setSuspended(user, wish.suspended)
  if (wish.deactivated === true && !account.deactivated) await identities.deactivate(user, false)
}

/** Makes an account, or changes what is named of one that is there. */
export const putUserRoute = (deps: AdminApiDeps): Route =>
  adminRoute(deps, {
    id: 'adminPutUser',
    method: 'PUT',
    path: '/_synapse/admin/v2/users/:userId',
    params: UserParams,
    body: Body,
    reply: UserDetail,
    handle: async ({ session, params, body }) => {
      const userId = mustBeLocal(deps, params.userId)
      check(session, userId, body)
      const { users, login } = deps
      const read = async (): Promise<Account | undefined> => {
        const nid = await users.find(userId)
        return nid === undefined ? undefined : users.account(nid)
      }
      const known = await read()
      if (!known) {
        await login.createAccount({
          localpart: userId.slice(1, userId.indexOf(':')),
          password: body.password ?? null,
          admin: body.admin ?? false,
          displayName: body.displayname || null,
          createdBy: 'admin',
        })
      }
      const account = await read()
      if (!account) throw new Error(`The account ${userId} was made, and is not there`)
      const { password: _, admin: __, ...rest } = body
      await change(deps, account, known ? body : rest)
      const detail = await detailOf(deps, (await read()) ?? account)
      return new Reply({
        status: known ? 200 : 201,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(detail),
      })
    },
  })
