import { hash } from 'node:crypto'
import { canonicalJson, type JsonObject } from '../matrix/json.ts'
import type { OAuthContext, OAuthSettings } from './deps.ts'
import { OAuthError } from './error.ts'
import type { ClientMetadata } from './registration/metadata.ts'
import { isRegistered } from './registration/redirects.ts'
import { noteUse, readClient } from './store/clients.ts'
import { readClientsOf } from './store/sessions.ts'

/** An entry of the configuration's `oauth.clients`. */
export type OwnClient = OAuthSettings['clients'][number]

/** Whoever asks for sessions in people's names. */
export interface Client {
  readonly id: string
  /** What people are shown. */
  readonly name: string
  readonly uri: string | undefined
  readonly logo: string | undefined
  readonly terms: string | undefined
  readonly policy: string | undefined
  readonly signing: 'RS256' | 'ES256'
  /** The operator's own; undefined for one that has registered itself. */
  readonly own: OwnClient | undefined
  mayUse(grant: string): boolean
  /** Whether people may be sent back there. */
  returnsTo(redirectUri: string): boolean
}

/** The id of a client that registers itself: the same metadata is the same client. */
export const clientIdOf = (metadata: ClientMetadata): string =>
  hash('sha256', canonicalJson(metadata as unknown as JsonObject), 'base64url').slice(0, 26)

const hostOf = (uri: string): string => new URL(uri).hostname

const ofOwn = (own: OwnClient): Client => ({
  id: own.id,
  name: own.name ?? own.id,
  uri: own.uri,
  logo: undefined,
  terms: undefined,
  policy: undefined,
  signing: 'RS256',
  own,
  mayUse: (grant) => (grant === 'authorization_code' ? own.redirect_uris.length > 0 : true),
  returnsTo: (uri) => isRegistered(own.redirect_uris, 'native', uri),
})

const ofRegistered = (id: string, metadata: ClientMetadata): Client => ({
  id,
  name: metadata.client_name ?? hostOf(metadata.client_uri),
  uri: metadata.client_uri,
  logo: metadata.logo_uri,
  terms: metadata.tos_uri,
  policy: metadata.policy_uri,
  signing: metadata.id_token_signed_response_alg ?? 'RS256',
  own: undefined,
  mayUse: (grant) => metadata.grant_types.includes(grant),
  returnsTo: (uri) => isRegistered(metadata.redirect_uris, metadata.application_type, uri),
})

const dayMs = 86_400_000
const wellFormed = /^[A-Za-z0-9._~-]{1,64}$/

/** The client of that id; undefined for none. That it was asked for is noted once a day, so that it is not forgotten. */
export const findClient = async (
  context: Pick<OAuthContext, 'config' | 'database' | 'now'>,
  id: string,
): Promise<Client | undefined> => {
  const own = context.config.oauth.clients.find((client) => client.id === id)
  if (own) return ofOwn(own)
  const stored = wellFormed.test(id) ? await readClient(context.database.read, id) : undefined
  if (!stored) return undefined
  const now = context.now()
  if (now - stored.used_ts > dayMs) await context.database.write((tx) => noteUse(tx, id, now))
  // It is what registration has checked.
  return ofRegistered(id, JSON.parse(stored.metadata) as ClientMetadata)
}

/** @throws OAuthError invalid_client */
export const mustFindClient = async (
  context: Pick<OAuthContext, 'config' | 'database' | 'now'>,
  id: string,
): Promise<Client> => {
  const client = await findClient(context, id)
  if (!client)
    throw new OAuthError('invalid_client', 'There is no such client: it has to register, or has not been used for long')
  return client
}

/** Which app each of a user's devices is, by the device's short id. */
export const appsOf = async (
  context: Pick<OAuthContext, 'config' | 'database' | 'now'>,
  user: number,
): Promise<ReadonlyMap<number, { name: string; uri: string | undefined }>> => {
  const apps = new Map<number, { name: string; uri: string | undefined }>()
  for (const { device, clientId } of await readClientsOf(context.database.read, user)) {
    const client = clientId === '' ? undefined : await findClient(context, clientId)
    if (client) apps.set(device, { name: client.name, uri: client.uri })
  }
  return apps
}
