import { Type } from 'typebox'
import type { Route } from '../../http/index.ts'
import type { RegistrationToken } from '../../login/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { AdminApiDeps } from '../deps.ts'
import { adminRoute, Empty } from './route.ts'

const path = '/_synapse/admin/v1/registration_tokens'
const TokenParams = Type.Object({ token: Type.String() })
const Count = Type.Union([Type.Integer(), Type.Null()])
const Token = Type.Object({
  token: Type.String(),
  uses_allowed: Count,
  pending: Type.Integer(),
  completed: Type.Integer(),
  expiry_time: Count,
})
const Wish = { uses_allowed: Type.Optional(Count), expiry_time: Type.Optional(Count) }

/** A use is counted when the account is made and not before: none is ever pending. */
const shown = (row: RegistrationToken) => ({
  token: row.token,
  uses_allowed: row.uses_allowed,
  pending: 0,
  completed: row.completed,
  expiry_time: row.expires_ts,
})

/** Tokens by which people register while the setting `registration` is `token`. */
export const registrationTokenRoutes = (deps: AdminApiDeps): Route[] => {
  const { registrationTokens } = deps.login.administration
  const isValid = (row: RegistrationToken): boolean =>
    (row.uses_allowed === null || row.completed < row.uses_allowed) &&
    (row.expires_ts === null || row.expires_ts > deps.now())
  return [
    adminRoute(deps, {
      id: 'adminListRegistrationTokens',
      method: 'GET',
      path,
      query: Type.Object({ valid: Type.Optional(Type.Boolean()) }),
      reply: Type.Object({ registration_tokens: Type.Array(Token) }),
      handle: async ({ query }) => ({
        registration_tokens: (await registrationTokens.list())
          .filter((row) => query.valid === undefined || isValid(row) === query.valid)
          .map(shown),
      }),
    }),
    adminRoute(deps, {
      id: 'adminCreateRegistrationToken',
      method: 'POST',
      path: `${path}/new`,
      target: ({ token }) => token ?? '',
      body: Type.Object({
        token: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        length: Type.Optional(Type.Union([Type.Integer(), Type.Null()])),
        ...Wish,
      }),
      reply: Token,
      handle: async ({ body }) =>
        shown(
          await registrationTokens.add(body.token ?? undefined, body.length ?? 16, {
            usesAllowed: body.uses_allowed,
            expires: body.expiry_time,
          }),
        ),
    }),
    adminRoute(deps, {
      id: 'adminGetRegistrationToken',
      method: 'GET',
      path: `${path}/:token`,
      params: TokenParams,
      reply: Token,
      handle: async ({ params }) => shown(await registrationTokens.get(params.token)),
    }),
    adminRoute(deps, {
      id: 'adminChangeRegistrationToken',
      method: 'PUT',
      path: `${path}/:token`,
      params: TokenParams,
      body: Type.Object(Wish),
      reply: Token,
      handle: async ({ params, body }) =>
        shown(
          await registrationTokens.change(params.token, {
            usesAllowed: body.uses_allowed,
            expires: body.expiry_time,
          }),
        ),
    }),
    adminRoute(deps, {
      id: 'adminDeleteRegistrationToken',
      method: 'DELETE',
      path: `${path}/:token`,
      params: TokenParams,
      reply: Empty,
      handle: async ({ params }) => {
        if (params.token === 'new') throw new MatrixError('M_INVALID_PARAM', '"new" is no token')
        await registrationTokens.delete(params.token)
        return {}
      },
    }),
  ]
}
