import { Type } from 'typebox'
import { route, type Route } from '../../http/index.ts'
import { MatrixError } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import type { LoginParts } from '../deps.ts'
import { type FlowDeps, flowsFor } from '../uia/stages.ts'

const path = '/_latchkey/client/v1/account/identities'

const Identity = Type.Object({
  provider: Type.String(),
  name: Type.String(),
  subject: Type.String(),
  linked_ts: Type.Integer(),
})

/** Who somebody is at the identity providers. Their own: the specification has nothing like it. */
export const identityRoutes = (context: FlowDeps & Pick<LoginParts, 'uia'>): Route[] => [
  /** Everybody whom this user is at the providers, in the order in which they were linked. */
  route({
    id: 'getIdentities',
    method: 'GET',
    path,
    auth: 'user',
    limit: 'session',
    reply: Type.Object({ identities: Type.Array(Identity) }),
    handle: async ({ session }) => ({
      identities: (await context.identities.links.of(session.user)).map(({ provider, subject, linked }) => ({
        provider,
        name: context.identities.policies.get(provider)?.name ?? provider,
        subject,
        linked_ts: linked,
      })),
    }),
  }),

  /**
   * Links somebody of a provider to this account. The token proves the one side, and the confirmation the other.
   */
  route({
    id: 'addIdentity',
    method: 'POST',
    path,
    auth: 'user',
    limit: 'session',
    body: Type.Object({ type: Type.String(), token: Type.Unknown(), auth: Type.Optional(Type.Unknown()) }),
    reply: Type.Object({}),
    handle: async ({ session, body, ip, trace }) => {
      if (body.type !== 'org.matrix.login.jwt')
        throw new MatrixError(
          'M_UNKNOWN',
          'Only identities of tokens are linked here; others are on the account page',
          { status: 400 },
        )
      const { identity, arrival } = await context.providers.verifyToken(body.token, { ip, trace })
      // The body is JSON by construction; the schema says no more than it needs.
      await context.uia.confirm({
        session,
        ip,
        operation: 'link an identity',
        body: body as JsonObject,
        flows: await flowsFor(context, session),
      })
      await context.identities.links.addVouched(session.user, identity, arrival)
      return {}
    },
  }),

  /** Takes a link of this account away, and ends the sessions that came of it. Has to be confirmed. The last way in stays. */
  route({
    id: 'removeIdentity',
    method: 'POST',
    path: `${path}/remove`,
    auth: 'user',
    limit: 'session',
    body: Type.Object({ provider: Type.String(), subject: Type.String(), auth: Type.Optional(Type.Unknown()) }),
    reply: Type.Object({}),
    handle: async ({ session, body, ip }) => {
      await context.uia.confirm({
        session,
        ip,
        operation: 'unlink an identity',
        body: body as JsonObject,
        flows: await flowsFor(context, session),
      })
      await context.identities.links.remove(session.user, { provider: body.provider, subject: body.subject }, 'user')
      return {}
    },
  }),
]
