import { oauthIssuer } from '../../config/index.ts'
import type { LoginParts } from '../deps.ts'
import { appservice } from './appservice.ts'
import { jwt } from './jwt.ts'
import type { Method, MethodDeps } from './method.ts'
import { password } from './password.ts'
import { token } from './token.ts'

/** Every way to sign in. A new one is a file and a word here. */
const methods: readonly Method[] = [jwt, password, token, appservice]

/** What `GET /login` answers. */
export const flowsOf = (context: MethodDeps): { type: string; [key: string]: unknown }[] => [
  ...ssoFlow(context),
  ...methods.filter((method) => method.enabled(context)).map(({ types: [type], details }) => ({ type, ...details })),
]

/**
 * Sign-in through a browser, which comes back as a login token. Clients that know of OAuth 2.0 without speaking it prefer this to all
 * others: the page has every way in. @see https://spec.matrix.org/v1.19/client-server-api/#oauth-20-aware-clients
 */
const ssoFlow = ({
  providers: { browser },
  config,
}: Pick<LoginParts, 'providers' | 'config'>): { type: string; [key: string]: unknown }[] =>
  browser.length === 0 && oauthIssuer(config) === undefined
    ? []
    : [
        {
          type: 'm.login.sso',
          ...(oauthIssuer(config) !== undefined && { oauth_aware_preferred: true }),
          identity_providers: browser.map(({ id, name, icon, brand }) => ({
            id,
            name,
            ...(icon !== undefined && { icon }),
            ...(brand !== undefined && { brand }),
          })),
        },
      ]

/** The method that a client asks for by `type`, where the configuration offers it. */
export const methodOf = (context: MethodDeps, type: string): Method | undefined =>
  methods.find((method) => method.types.includes(type) && method.enabled(context))
