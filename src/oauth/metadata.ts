import { Type } from 'typebox'
import { route, type Route } from '../http/index.ts'
import { authenticationMethods } from './client-auth.ts'
import type { OAuthContext } from './deps.ts'
import { grantTypes } from './grants/index.ts'
import { listedScopes } from './scope.ts'

/** What the account page can be asked for by a link. @see https://spec.matrix.org/v1.19/client-server-api/#account-management-url-actions */
export const accountActions = [
  'org.matrix.profile',
  'org.matrix.devices_list',
  'org.matrix.device_view',
  'org.matrix.device_delete',
  'org.matrix.account_deactivate',
  'org.matrix.cross_signing_reset',
]

/**
 * What clients find out about this server.
 * @see https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1auth_metadata
 * @see https://datatracker.ietf.org/doc/html/rfc8414#section-2
 */
export const metadataOf = ({ issuer, publicUrl, login }: Pick<OAuthContext, 'issuer' | 'publicUrl' | 'login'>) => {
  const at = (path: string): string => `${publicUrl}${path}`
  return {
    issuer,
    authorization_endpoint: at('/oauth2/authorize'),
    token_endpoint: at('/oauth2/token'),
    registration_endpoint: at('/oauth2/register'),
    revocation_endpoint: at('/oauth2/revoke'),
    introspection_endpoint: at('/oauth2/introspect'),
    device_authorization_endpoint: at('/oauth2/device_authorization'),
    userinfo_endpoint: at('/oauth2/userinfo'),
    jwks_uri: at('/oauth2/jwks'),
    scopes_supported: listedScopes,
    response_types_supported: ['code'],
    response_modes_supported: ['query', 'fragment'],
    grant_types_supported: grantTypes,
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: authenticationMethods,
    introspection_endpoint_auth_methods_supported: authenticationMethods.filter((method) => method !== 'none'),
    revocation_endpoint_auth_methods_supported: authenticationMethods,
    prompt_values_supported: ['none', 'login', ...(login.web.canRegister ? ['create'] : [])],
    authorization_response_iss_parameter_supported: true,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256', 'ES256'],
    claims_supported: ['iss', 'sub', 'aud', 'iat', 'exp', 'auth_time', 'nonce', 'name', 'preferred_username'],
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    account_management_uri: at('/account'),
    account_management_actions_supported: accountActions,
  }
}

const keptFor = 'public, max-age=3600'

/** Where clients find it, and where those look that are older than the specification's place for it. */
export const metadataRoutes = (context: OAuthContext): Route[] => {
  const metadata = metadataOf(context)
  return [
    route({
      id: 'getAuthMetadata',
      method: 'GET',
      path: '/_matrix/client/v1/auth_metadata',
      paths: [
        '/_matrix/client/unstable/org.matrix.msc2965/auth_metadata',
        '/.well-known/openid-configuration',
        '/.well-known/oauth-authorization-server',
      ],
      auth: 'none',
      reply: Type.Object({ issuer: Type.String() }),
      handle: ({ setHeader }) => {
        setHeader('cache-control', keptFor)
        return metadata
      },
    }),
    /** What came before the metadata: the issuer, whose own discovery document then says the rest. */
    route({
      id: 'getAuthIssuer',
      method: 'GET',
      path: '/_matrix/client/v1/auth_issuer',
      paths: ['/_matrix/client/unstable/org.matrix.msc2965/auth_issuer'],
      auth: 'none',
      reply: Type.Object({ issuer: Type.String() }),
      handle: () => ({ issuer: metadata.issuer }),
    }),
    /** The keys that ID tokens are signed with. */
    route({
      id: 'oauthKeys',
      method: 'GET',
      path: '/oauth2/jwks',
      auth: 'none',
      reply: Type.Object({ keys: Type.Array(Type.Unknown()) }),
      handle: async ({ setHeader }) => {
        setHeader('cache-control', keptFor)
        return context.keys.published()
      },
    }),
  ]
}
