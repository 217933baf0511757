import { isServerName } from '../matrix/ids.ts'
import { acmeNames } from './acme-names.ts'
import { isDnsName, parseListen, parseListener, isLoopback } from './forms.ts'
import { checkOAuth } from './checks-oauth.ts'
import type { Finding } from './finding.ts'
import type { Config } from './schema.ts'

/** Looks at a whole configuration; `key` of each finding is a path, from which its line is found. */
export type Check = (config: Config) => readonly Finding[]

const error = (key: string, message: string, fix: string): Finding => ({ level: 'error', key, message, fix })
const warning = (key: string, message: string, fix: string): Finding => ({ level: 'warning', key, message, fix })

const checkJwt: Check = ({ jwt_config: jwt }) => {
  if (!jwt.enabled) {
    return jwt.secret === undefined
      ? []
      : [
          warning(
            'jwt_config.enabled',
            '"jwt_config" is filled in but not enabled: nobody can sign in by it.',
            'Write enabled: true.',
          ),
        ]
  }
  return [
    ...(jwt.secret === undefined
      ? [
          error(
            'jwt_config.secret',
            '"jwt_config.secret" is missing.',
            'Name the shared secret or the public key that tokens are verified with.',
          ),
        ]
      : []),
    ...(jwt.algorithm === undefined
      ? [
          error(
            'jwt_config.algorithm',
            '"jwt_config.algorithm" is missing.',
            'Name the algorithm that tokens are signed with, such as HS256.',
          ),
        ]
      : []),
  ]
}

const checkProviders: Check = ({ identity_providers: providers, public_base_url: url }) =>
  providers.flatMap((provider, index) => {
    const path = `identity_providers[${index}]`
    const sameIssuer =
      providers.findIndex(
        (other) =>
          'issuer' in other && 'issuer' in provider && other.type === provider.type && other.issuer === provider.issuer,
      ) < index
    const common =
      providers.findIndex(({ id }) => id === provider.id) < index
        ? [error(`${path}.id`, `"${path}.id" is the id of an earlier provider.`, 'Give each its own.')]
        : []
    if (provider.type === 'ldap') return common
    if (provider.type !== 'jwt') {
      return [
        ...common,
        ...checkReturn(provider.id, path, url),
        ...(provider.type === 'oidc'
          ? checkOidc(provider, path)
          : provider.type === 'cas'
            ? checkEncrypted(`${path}.url`, provider.url)
            : []),
      ]
    }
    return [
      ...common,
      ...checkIntrospection(provider, path),
      ...(sameIssuer
        ? [
            error(
              `${path}.issuer`,
              `"${path}.issuer" is the issuer of an earlier provider.`,
              'Keys are never shared between issuers: keep one.',
            ),
          ]
        : []),
      ...(/^https?:\/\/[^/]/.test(provider.issuer) ||
      provider.secret ||
      provider.public_key ||
      provider.jwks ||
      provider.jwks_uri
        ? []
        : [
            error(
              path,
              `"${path}" has no key.`,
              'Add "secret", "public_key", "jwks" or "jwks_uri", or the issuer whose discovery document names its keys.',
            ),
          ]),
    ]
  })

const checkPeople: Check = ({ identity_providers: providers }) =>
  providers.flatMap(({ id, same_people_as: other }, index) => {
    if (
      other === undefined ||
      (other !== id && providers.some((one) => one.id === other && one.same_people_as === undefined))
    )
      return []
    const path = `identity_providers[${index}].same_people_as`
    return [
      error(
        path,
        `"${path}" must be the id of another provider, which has people of its own.`,
        'Name one, or take it out.',
      ),
    ]
  })

const checkReturn = (id: string, path: string, url: string | undefined): Finding[] =>
  url !== undefined
    ? []
    : [
        error(
          path,
          `"${path}" sends people to "${id}" and back, and "public_base_url" does not say where back is.`,
          'Set "public_base_url".',
        ),
      ]

const checkEncrypted = (path: string, address: string): Finding[] =>
  !address.startsWith('http:') || isLoopback(new URL(address).hostname)
    ? []
    : [warning(path, `"${path}" is not encrypted: whoever is on the way can sign in as anybody.`, 'Use https://.')]

const checkOidc = (
  provider: Extract<Config['identity_providers'][number], { type: 'oidc' }>,
  path: string,
): Finding[] => [
  ...(provider.scopes.includes('openid')
    ? []
    : [
        error(
          `${path}.scopes`,
          `"${path}.scopes" is without "openid": the provider would not say who signs in.`,
          'Add openid.',
        ),
      ]),
  ...(provider.session_check === 'off' || provider.client_secret !== undefined
    ? []
    : [
        error(
          `${path}.session_check`,
          `"${path}.session_check" keeps tokens of the provider, and without "client_secret" nothing seals them.`,
          'Set "client_secret".',
        ),
      ]),
  ...checkEncrypted(`${path}.issuer`, provider.issuer),
]

const checkIntrospection = (
  provider: Extract<Config['identity_providers'][number], { type: 'jwt' }>,
  path: string,
): Finding[] => {
  if (provider.session_check === 'off') return []
  return [
    ...(provider.client_id !== undefined && provider.client_secret !== undefined
      ? []
      : [
          error(
            `${path}.session_check`,
            `"${path}.session_check" asks the provider, which wants to know who asks.`,
            'Set "client_id" and "client_secret".',
          ),
        ]),
    ...(/^https?:\/\/[^/]/.test(provider.issuer)
      ? []
      : [
          error(
            `${path}.session_check`,
            `"${path}.session_check" asks the provider, and "issuer" is not its address.`,
            'Take it out.',
          ),
        ]),
    ...(provider.session_until === 'token_expiry'
      ? []
      : [
          error(
            `${path}.session_until`,
            `With "${path}.session_check" a session cannot outlive its token, which is all that the provider can be asked about.`,
            'Write session_until: token_expiry.',
          ),
        ]),
  ]
}

const checkRegistration: Check = (config) => {
  const count = config.registration_tokens.length
  if (config.registration === 'token' && count === 0) {
    return [
      warning(
        'registration_tokens',
        '"registration" is "token", and the configuration has no token: only those that administrators make let anybody register.',
        'Make some in the console (/_latchkey/admin), or add some under "registration_tokens".',
      ),
    ]
  }
  return config.registration !== 'token' && count > 0
    ? [warning('registration_tokens', '"registration_tokens" has no effect.', 'Write registration: token.')]
    : []
}

const checkReach: Check = (config) => {
  const open = config.listen.some((address) => !isLoopback(parseListener(address)?.host ?? ''))
  const url = config.public_base_url
  return [
    ...(config.server_name === 'localhost' && open
      ? [
          warning(
            'listen',
            '"listen" is reachable from elsewhere, but "server_name" is still "localhost".',
            'Choose a server_name before people come: it cannot be changed later.',
          ),
        ]
      : []),
    ...(url?.startsWith('http:') && !isLoopback(new URL(url).hostname)
      ? [
          warning(
            'public_base_url',
            '"public_base_url" is not encrypted: passwords and tokens travel in the clear.',
            'Use https://.',
          ),
        ]
      : []),
  ]
}

const checkMedia: Check = ({ media: { store, s3, url_previews: previews } }) => {
  const needed = ['endpoint', 'bucket', 'access_key_id', 'secret_access_key'] as const
  return [
    ...(store === 's3'
      ? needed
          .filter((key) => s3[key] === undefined)
          .map((key) =>
            error(
              `media.s3.${key}`,
              `"media.s3.${key}" is missing.`,
              'Set it, or take "media.store" out to keep files in data_dir.',
            ),
          )
      : []),
    ...(!previews.enabled && previews.allow.length > 0
      ? [warning('media.url_previews.allow', '"media.url_previews" is not enabled.', 'Write enabled: true.')]
      : []),
  ]
}

const checkEmail: Check = ({ email: { smtp, from, required_for_registration: required }, public_base_url: url }) => {
  if (smtp === undefined) {
    return required
      ? [error('email.smtp', '"email.required_for_registration" is set, and no mail can be sent.', 'Set "email.smtp".')]
      : []
  }
  return [
    ...(from === undefined
      ? [error('email.from', '"email.from" is missing.', 'Name the address that mail comes from.')]
      : []),
    ...(url === undefined
      ? [
          error(
            'email.smtp',
            'Mail has links to this server, and "public_base_url" does not say where it is.',
            'Set "public_base_url".',
          ),
        ]
      : []),
  ]
}

const checkCalls: Check = ({ turn, rtc_transports: transports }) => [
  ...(turn.uris.length > 0 &&
  turn.shared_secret === undefined &&
  (turn.username === undefined || turn.password === undefined)
    ? [
        error(
          'turn.shared_secret',
          '"turn.shared_secret" is missing.',
          'Set it, or "turn.username" and "turn.password".',
        ),
      ]
    : []),
  ...(turn.uris.length === 0 &&
  (turn.shared_secret !== undefined || turn.username !== undefined || turn.password !== undefined)
    ? [warning('turn.uris', '"turn" names no server: it has no effect.', 'Add the servers under "uris".')]
    : []),
  ...transports.flatMap((transport, index) =>
    typeof transport['type'] === 'string'
      ? []
      : [
          error(
            `rtc_transports[${index}]`,
            `"rtc_transports[${index}]" does not say of which "type" it is.`,
            'Write type: livekit, for example.',
          ),
        ],
  ),
]

const checkMetrics: Check = ({ listen, metrics: { listen: own } }) => {
  if (own === 'off') return []
  return [
    ...(listen.includes(own) && !own.endsWith(':0')
      ? [
          error(
            'metrics.listen',
            '"metrics.listen" is an address of "listen".',
            'Give it a port of its own: numbers are not for everybody who reaches the server.',
          ),
        ]
      : []),
    ...(isLoopback(parseListen(own)?.host ?? '')
      ? []
      : [
          warning(
            'metrics.listen',
            '"metrics.listen" is reachable from elsewhere, and asks nobody who they are.',
            'Use 127.0.0.1, or keep others out by a firewall.',
          ),
        ]),
  ]
}

const checkTls: Check = ({ listen, tls, acme }) =>
  acme.email !== undefined || !listen.some((address) => parseListener(address)?.tls)
    ? []
    : (['certificate_file', 'key_file'] as const)
        .filter((key) => tls[key] === undefined)
        .map((key) =>
          error(`tls.${key}`, `"listen" has a listener by TLS, and "tls.${key}" is missing.`, 'Name the PEM file.'),
        )

const checkAcme: Check = (config) => {
  const { listen, tls, acme } = config
  if (acme.email === undefined) return []
  if (tls.certificate_file !== undefined || tls.key_file !== undefined)
    return [error('acme.email', '"acme" and "tls" both say which certificate to show.', 'Leave out one of them.')]
  const [wrong] = acmeNames(config).filter((name) => !isDnsName(name))
  return [
    ...(wrong === undefined
      ? []
      : [
          error(
            'acme.email',
            `No authority gives a certificate for "${wrong}".`,
            'Set "public_base_url", or "acme.names" to names in the DNS that lead here.',
          ),
        ]),
    ...(listen.some((address) => parseListener(address)?.tls)
      ? []
      : [
          error(
            'acme.email',
            '"acme" gets a certificate for listeners by TLS, and "listen" has none.',
            'Write listen: 0.0.0.0:443 tls',
          ),
        ]),
  ]
}

const checkFederation: Check = ({ server_name: name, federation }) => [
  ...Object.entries(federation.hosts).flatMap(([server, host]) =>
    isServerName(server) && typeof host === 'string' && (parseListen(host)?.port ?? 0) > 0
      ? []
      : [
          error(
            'federation.hosts',
            `"federation.hosts" has an entry "${server}" that does not say where a server is.`,
            'Write the name of the server and its host:port, such as "hs2.example.org": "10.1.2.3:8448".',
          ),
        ],
  ),
  ...(federation.enabled === true && name === 'localhost'
    ? [
        error(
          'federation.enabled',
          '"federation.enabled" is true, and "localhost" is the name of every machine.',
          'Choose a "server_name" that other servers can find.',
        ),
      ]
    : []),
]

/** What must hold between settings, beyond the shape of each. */
export const ownChecks: readonly Check[] = [
  checkJwt,
  checkProviders,
  checkPeople,
  checkRegistration,
  checkReach,
  checkCalls,
  checkMedia,
  checkEmail,
  checkMetrics,
  checkTls,
  checkAcme,
  checkFederation,
  checkOAuth,
]
