import { isUserId } from '../matrix/ids.ts'
import {
  parseAddressRange,
  parseBaseUrl,
  parseDatabase,
  parseListener,
  parseServerName,
  redactDatabase,
} from './forms.ts'
import { embed } from './schema-embed.ts'
import { federation } from './schema-federation.ts'
import { sso } from './schema-oidc.ts'
import { identityProvider, jwtConfig } from './schema-sign-in.ts'
import { rateLimits } from './schema-limits.ts'
import { email } from './schema-email.ts'
import { media } from './schema-media.ts'
import { oauth } from './schema-oauth.ts'
import { metrics } from './schema-metrics.ts'
import { push } from './schema-push.ts'
import { acme } from './schema-acme.ts'
import { tls } from './schema-tls.ts'
import { turn } from './schema-calls.ts'
import type { InputsOf, Keys, ValuesOf } from './setting.ts'

/**
 * Every setting there is, in the order of the example and the reference page. Types, defaults, checks, environment
 * variables, flags, the example and the reference come from here; to add a setting is to add an entry.
 */
export const schema = {
  server_name: {
    kind: 'text',
    description:
      'The name that ends every Matrix ID here, as in @alice:example.org. Choose it once: it is in every account, room and event, and' +
      ' cannot be changed later. Use the domain that people know you by; the server itself may run elsewhere. Only a try-out without a' +
      ' configuration file may leave it out.',
    default: 'localhost',
    example: 'example.org',
    parse: parseServerName,
    expected: 'a domain name, with a port where needed, such as example.org',
    fix: (text) =>
      /^https?:\/\//.test(text)
        ? 'Leave out "https://": the full address goes under "public_base_url".'
        : text.includes('@')
          ? 'Write only what follows the colon of a Matrix ID.'
          : /[A-Z]/.test(text)
            ? 'Write it in lower case.'
            : undefined,
  },
  public_base_url: {
    kind: 'text',
    description:
      'The address that clients reach this server by. Set it when a proxy or a domain stands in front; clients then find it through' +
      ' /.well-known/matrix/client and in the answer to sign-in.',
    example: 'https://matrix.example.org',
    parse: parseBaseUrl,
    expected: 'an address such as https://matrix.example.org',
  },
  listen: {
    kind: 'list',
    description:
      'Where to listen, as host:port; several may stand in a list. The default is reachable from this machine alone, as it should be' +
      ' behind a proxy; 0.0.0.0:8008 and [::]:8008 are every IPv4 and every IPv6 address. With " tls" behind it, as in "0.0.0.0:8448 tls", the' +
      ' server encrypts by itself, with the certificate under "tls".',
    of: {
      kind: 'text',
      description: 'A host and a port.',
      parse: (text) => (parseListener(text) ? text : undefined),
      expected: 'a host and a port such as 127.0.0.1:8008 or [::1]:8008',
      fix: (text) =>
        /^\d{1,5}$/.test(text)
          ? `Write 127.0.0.1:${text} for this machine alone, or 0.0.0.0:${text} for everybody.`
          : text.startsWith('*:')
            ? `Write 0.0.0.0${text.slice(1)} for every IPv4 address, [::]${text.slice(1)} for every IPv6 one.`
            : /^:\d/.test(text)
              ? `Write 0.0.0.0${text} for every IPv4 address, [::]${text} for every IPv6 one.`
              : /^https?:\/\//.test(text)
                ? 'Leave out "http://"; write " tls" behind the port where the server is to encrypt by itself.'
                : undefined,
    },
    min: 1,
    default: ['127.0.0.1:8008'],
  },
  tls: {
    kind: 'group',
    description: 'The certificate of listeners marked "tls". It is read anew when the files change.',
    keys: tls,
  },
  acme: {
    kind: 'group',
    description: 'A certificate for these listeners from Let’s Encrypt, or another authority that gives them by ACME.',
    keys: acme,
  },
  federation: { kind: 'group', description: 'Talking to other Matrix servers.', keys: federation },
  ca_file: {
    kind: 'path',
    description:
      'A PEM file with authorities of your own, whose certificates are believed wherever this server asks others: identity providers, gateways,' +
      ' bridges, other servers. Those of the system are believed as well.',
    example: '/etc/ssl/certs/our-authority.pem',
  },
  outgoing_proxy: {
    kind: 'text',
    description:
      'The HTTP proxy that this server asks others through (by CONNECT), as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT. This machine is always' +
      ' asked directly.',
    secret: true,
    redact: (text) => text.replace(/\/\/[^/]*@/, '//hidden@'),
    parse: (text) => (/^http:\/\/[^/?#]+\/?$/.test(text) && URL.canParse(text) ? text : undefined),
    expected: 'an address such as http://proxy.example.org:3128',
    example: 'http://proxy.example.org:3128',
  },
  outgoing_proxy_except: {
    kind: 'list',
    description: 'Hosts that are asked without outgoing_proxy; .example.org is every name below example.org.',
    of: { kind: 'text', description: 'A host, or a dot and a domain.' },
    default: [],
    example: ['keycloak.internal', '.example.org'],
  },
  trusted_proxies: {
    kind: 'list',
    description:
      'Addresses and ranges of the proxies in front. Only from these is X-Forwarded-For believed, which gives rate limits and logs' +
      ' the address of the client.',
    of: {
      kind: 'text',
      description: 'An address or a range.',
      parse: parseAddressRange,
      expected: 'an address or a range such as 127.0.0.1 or 10.0.0.0/8',
    },
    default: [],
    example: ['127.0.0.1', '10.0.0.0/8'],
  },
  data_dir: {
    kind: 'path',
    description:
      'The folder for everything that must be kept: database, signing key, media. It is made when it is not there. Relative paths start' +
      ' from the folder of this file.',
    default: 'data',
  },
  memory: {
    kind: 'size',
    description:
      'How much memory all caches may take together, which share it by use; the process needs some 100 MB besides, and as much again as' +
      ' its requests hold. Left out, it is an eighth of what the machine (or its container) has, from 32M to 512M. With less, more is' +
      ' read from the database.',
    example: '256M',
  },
  database: {
    kind: 'text',
    description:
      'Where everything is stored: sqlite:PATH, with relative paths inside data_dir, or a postgres:// URL. sqlite::memory: keeps nothing,' +
      ' which is for tests.',
    secret: true,
    redact: redactDatabase,
    parse: parseDatabase,
    expected: 'sqlite:PATH, sqlite::memory: or a postgres:// URL',
    fix: (text) =>
      /^postgres(ql)?:/.test(text)
        ? 'Characters such as @ : / # in a password must be percent-encoded: # is %23.'
        : text.includes(':')
          ? undefined
          : 'Write sqlite: in front of a path.',
    default: 'sqlite:latchkey.db',
  },
  signing_key_file: {
    kind: 'text',
    description:
      'The file with the key that this server signs events with; it is made at the first start. Relative paths are inside data_dir.',
    default: 'signing.key',
  },
  jwt_config: {
    kind: 'group',
    description:
      'Sign-in with a token (JWT) of your own backend. The block of a Synapse configuration works here unchanged.',
    keys: jwtConfig,
  },
  identity_providers: {
    kind: 'list',
    description:
      'Where people sign in. Each has an id, a type and the settings of that type; several of one type may stand side by side.',
    of: identityProvider,
    default: [],
    example: [
      {
        id: 'backend',
        type: 'jwt',
        secret: ['change-me-to-at-least-32-random-characters'],
        algorithms: ['HS256'],
        issuer: 'https://backend.example.org',
        audiences: ['matrix'],
      },
    ],
  },
  sso: {
    kind: 'group',
    description: 'Sign-in through a browser, by identity providers of type oidc, saml and cas.',
    keys: sso,
  },
  embed: { kind: 'group', description: 'Chat inside the pages of other applications.', keys: embed },
  oauth: {
    kind: 'group',
    description:
      'Sign-in by OAuth 2.0, which newer clients know and some need. It is there where public_base_url is an https address (or one of this' +
      ' machine), unless this is "off".',
    off: true,
    keys: oauth,
  },
  legacy_login: {
    kind: 'boolean',
    description:
      'Whether clients may sign in and make accounts by themselves (POST /login and /register) beside OAuth 2.0. With false they have to' +
      ' send people to the browser; a refresh of sessions that there are goes on.',
    default: true,
  },
  password_login: {
    kind: 'boolean',
    description: 'Whether people can sign in with a password. Turn it off when everybody comes by token.',
    default: true,
  },
  imported_password_pepper: {
    kind: 'text',
    description:
      'The pepper of the Synapse that accounts were taken over from (password_config.pepper). With it, their passwords are known until each has' +
      ' signed in once, which makes a hash of our own.',
    secret: true,
    example: 'the pepper of homeserver.yaml',
  },
  registration: {
    kind: 'choice',
    description:
      'Who may make an account with a password: "closed" is nobody, "token" is whoever has one of registration_tokens, "open" is anybody who' +
      ' reaches the server. Accounts of people who sign in by token are made in any case.',
    values: ['closed', 'open', 'token'],
    default: 'closed',
  },
  registration_tokens: {
    kind: 'list',
    description:
      'What people must bring to make an account while registration is "token", besides the tokens that administrators make. A file holds one a line.',
    of: {
      kind: 'text',
      description: 'A registration token.',
      parse: (text) => (/^[A-Za-z0-9._~-]{1,64}$/.test(text) ? text : undefined),
      expected: '1 to 64 letters, digits and ". _ ~ -"',
    },
    secret: true,
    lines: true,
    default: [],
    example: ['change-me'],
  },
  registration_shared_secret: {
    kind: 'text',
    description:
      'Lets tools that know it make accounts, administrators among them, through /_synapse/admin/v1/register. Without it that endpoint is' +
      ' not there.',
    secret: true,
    example: 'change-me-to-at-least-32-random-characters',
  },
  allow_guests: {
    kind: 'boolean',
    description: 'Whether people can look around as guests, without an account.',
    default: false,
  },
  access_token_lifetime: {
    kind: 'duration',
    description:
      'How long an access token lives before its client must refresh it. Clients that do not know refresh tokens keep theirs until they' +
      ' sign out. With "off" nobody gets refresh tokens.',
    off: true,
    default: '1h',
  },
  query_access_token: {
    kind: 'boolean',
    description:
      'Whether an access token in the URL (?access_token=) is taken. It ends up in the logs of every proxy on the way: only for old clients' +
      ' that know no better.',
    default: false,
  },
  rate_limits: {
    kind: 'group',
    description:
      'How many requests one user or address may make: per_second in the long run, burst at once. "off" in place of' +
      ' one kind lifts its limit; "off" in place of all lifts every one, which is for tests and benchmarks.',
    off: true,
    keys: rateLimits,
  },
  max_request_size: {
    kind: 'size',
    description: 'The largest request body that is read; media has its own limits.',
    default: '8M',
  },
  max_connections: {
    kind: 'number',
    description:
      'How many connections are served at once. One address may have a quarter of them, unless it is of this machine or of trusted_proxies.' +
      ' A client that waits for news holds one.',
    min: 10,
    max: 10_000_000,
    whole: true,
    default: 20_000,
  },
  media: {
    kind: 'group',
    description: 'Files that people send each other, and previews of the pages they link to.',
    keys: media,
  },
  push: {
    kind: 'group',
    description: 'Telling people of new messages while their apps are not open.',
    keys: push,
  },
  email: {
    kind: 'group',
    description:
      'Mail to people, so that they can confirm their address and set a new password. Without "smtp" none is sent.',
    keys: email,
  },
  turn: {
    kind: 'group',
    description: 'The TURN servers that calls between two people run over where these cannot reach each other.',
    keys: turn,
  },
  rtc_transports: {
    kind: 'list',
    description:
      'The servers that calls of several people run over (MatrixRTC), each with its "type" and what belongs to that. Clients ask for them' +
      ' (MSC4143), and older ones find them in /.well-known/matrix/client.',
    of: { kind: 'json', description: 'A transport.' },
    default: [],
    example: [{ type: 'livekit', livekit_service_url: 'https://livekit-jwt.example.org' }],
  },
  app_service_config_files: {
    kind: 'list',
    description:
      'The registration files of application services, which are bridges to other networks, for the most part; each makes its own. They are' +
      ' read when the server starts, and at a reload.',
    of: { kind: 'path', description: 'A registration file.' },
    default: [],
    example: ['/etc/latchkey/bridges/irc.yaml'],
  },
  default_room_version: {
    kind: 'choice',
    description: 'The version of new rooms, unless the client asks for another one.',
    values: ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'],
    default: '12',
  },
  presence: {
    kind: 'boolean',
    description: 'Whether people see who is online. It costs work that grows with the square of the people in a room.',
    default: true,
  },
  well_known: {
    kind: 'group',
    description: 'What /.well-known/matrix/* says beside public_base_url.',
    keys: {
      server: {
        kind: 'text',
        description: 'The host and port that other servers reach this one by.',
        parse: parseServerName,
        expected: 'a host, with a port where it is not 8448, such as matrix.example.org:443',
        example: 'matrix.example.org:443',
      },
      extra: {
        kind: 'json',
        description: 'Added to /.well-known/matrix/client as it is.',
        default: {},
        example: { 'org.example.help': { url: 'https://help.example.org' } },
      },
    },
  },
  admin_contact: {
    kind: 'text',
    description: 'Whom people can turn to: a mail address or a Matrix ID, shown in /.well-known/matrix/support.',
    parse: (text) => (isUserId(text) || /^[^\s@]+@[^\s@]+$/.test(text) ? text : undefined),
    expected: 'a mail address or a Matrix ID, such as admin@example.org or @admin:example.org',
    example: 'admin@example.org',
  },
  metrics: {
    kind: 'group',
    description: 'Numbers of the running server, for Prometheus and whatever reads the same.',
    keys: metrics,
  },
  log: {
    kind: 'group',
    description: 'What the server says on its standard error.',
    keys: {
      level: {
        kind: 'choice',
        description: 'The least important lines that are still written.',
        values: ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'],
        default: 'info',
      },
      format: {
        kind: 'choice',
        description: '"text" is for people, "json" for programs: one object a line.',
        values: ['text', 'json'],
        default: 'text',
      },
      requests: {
        kind: 'boolean',
        description:
          'Whether each request has a line: method, operation, status, time in ms, address, user and trace. Without it they have' +
          ' one at the level "debug".',
        default: false,
      },
    },
  },
} as const satisfies Keys

/** The whole configuration, checked, with every default filled in. Durations are ms, sizes bytes, paths absolute. */
export type Config = ValuesOf<typeof schema>

/** What a program may give for a {@link Config}: any part of it, by the same names; secrets also as `*_file`. */
export type ConfigInput = InputsOf<typeof schema>
