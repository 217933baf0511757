import type { Route } from '../../http/index.ts'
import { clientNetwork, limitExceeded } from '../../http/index.ts'
import { clientIdOf } from '../clients.ts'
import type { OAuthContext } from '../deps.ts'
import { OAuthError } from '../error.ts'
import { grantTypes } from '../grants/index.ts'
import { oauthRoute } from '../route.ts'
import { countClients, forgetClients, putClient, readClient } from '../store/clients.ts'
import { readMetadata } from './metadata.ts'

/** How long a client that nobody is signed in with is remembered, in ms. */
const unusedMs = 30 * 86_400_000
/** The most clients that are remembered: beyond it the ones go that were not asked for the longest. */
const most = 20_000
/** How many are forgotten at once. */
const batch = 100

/** Makes room, a little at a time. */
const forget = async (context: OAuthContext): Promise<void> => {
  const { database, now } = context
  const gone = await database.write((tx) => forgetClients(tx, now() - unusedMs, batch))
  if (gone === batch || (await countClients(database.read)) < most) return
  // Of those of the last hour none goes: somebody is signing in with them.
  const made = await database.write((tx) => forgetClients(tx, now() - 3_600_000, batch))
  if (made === 0)
    throw new OAuthError('temporarily_unavailable', 'Too many apps have registered lately, try again in a while')
}

/**
 * Registers an app: whatever says the same of itself is the same client.
 * @see https://spec.matrix.org/v1.19/client-server-api/#dynamic-client-registration-flow
 * @see https://datatracker.ietf.org/doc/html/rfc7591#section-3
 */
export const registrationRoute = (context: OAuthContext): Route =>
  oauthRoute(context, {
    id: 'oauthRegister',
    path: '/oauth2/register',
    takes: 'json',
    limit: 'registration',
    status: 201,
    handle: async ({ json, ip }) => {
      const metadata = readMetadata(json, { grants: grantTypes, tryOut: context.issuer.startsWith('http:') })
      const id = clientIdOf(metadata)
      const known = await readClient(context.database.read, id)
      if (!known) {
        const wait = context.registrations.take(clientNetwork(ip))
        if (wait > 0) throw limitExceeded(wait)
        await forget(context)
      }
      const now = context.now()
      await context.database.write((tx) => putClient(tx, { id, metadata: JSON.stringify(metadata), now }))
      return { client_id: id, client_id_issued_at: Math.floor(now / 1000), ...metadata }
    },
  })
