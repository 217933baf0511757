import { stringify } from 'yaml'
import { at, text, type Settings, type SynapseConfig } from './settings.ts'
import { providerFrom } from './propose-provider.ts'

/** A configuration of Latchkey made of one of Synapse. */
export interface Proposal {
  /** YAML, with comments. */
  readonly yaml: string
  /** Settings of Synapse that have no counterpart in it, as `name: why`. */
  readonly left: readonly string[]
}

type Mapped = Record<string, unknown>

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : value === undefined ? [] : [value])
const isOn = (value: unknown): boolean => value === true

/** Where clients are answered. TLS stays with whoever does it now. */
function listenOf(settings: Settings): string[] {
  const listeners = list(settings['listeners']).filter((listener) =>
    list(at(listener, 'resources')).some((resource) => list(at(resource, 'names')).includes('client')),
  )
  return listeners.flatMap((listener) => {
    const port = at(listener, 'port')
    if (typeof port !== 'number') return []
    const addresses = list(at(listener, 'bind_addresses') ?? at(listener, 'bind_address') ?? '127.0.0.1')
    return addresses
      .map((address) => (address === '::' || address === '' ? '0.0.0.0' : String(address)))
      .filter(
        (address, index, all) => all.indexOf(address) === index && !(address === '::1' && all.includes('127.0.0.1')),
      )
      .map((address) => `${address.includes(':') ? `[${address}]` : address}:${port}`)
  })
}

/** Each takes from the settings of Synapse what it knows, and gives what that is here. Names that it has dealt with are the keys. */
const mappings: Record<string, (settings: Settings, config: SynapseConfig) => Mapped> = {
  server_name: ({ server_name: name }) => ({ server_name: name }),
  public_baseurl: ({ public_baseurl: url }) => (text(url) ? { public_base_url: text(url)?.replace(/\/$/, '') } : {}),
  listeners: (settings) => {
    const listen = listenOf(settings)
    return listen.length > 0 ? { listen } : {}
  },
  registration_shared_secret: ({ registration_shared_secret: secret }) =>
    text(secret) ? { registration_shared_secret: secret } : {},
  registration_shared_secret_path: ({ registration_shared_secret_path: path }, config) =>
    text(path) ? { registration_shared_secret_file: config.path(path) } : {},
  enable_registration: ({ enable_registration: open, registration_requires_token: token }) => ({
    registration: !isOn(open) ? 'closed' : isOn(token) ? 'token' : 'open',
  }),
  registration_requires_token: () => ({}),
  password_config: ({ password_config: passwords }) => ({
    ...(at(passwords, 'enabled') === false && { password_login: false }),
    ...(text(at(passwords, 'pepper')) && { imported_password_pepper: at(passwords, 'pepper') }),
  }),
  allow_guest_access: ({ allow_guest_access: guests }) => (isOn(guests) ? { allow_guests: true } : {}),
  jwt_config: ({ jwt_config: jwt }) => (isOn(at(jwt, 'enabled')) ? { jwt_config: jwt } : {}),
  oidc_providers: ({ oidc_providers: providers }) => {
    const entries = list(providers).map(providerFrom)
    return entries.length > 0 ? { identity_providers: entries } : {}
  },
  app_service_config_files: ({ app_service_config_files: files }, config) => {
    const paths = list(files).map((file) => config.path(file))
    return paths.length > 0 ? { app_service_config_files: paths } : {}
  },
  max_upload_size: ({ max_upload_size: size }) => (size === undefined ? {} : { media: { max_upload_size: size } }),
  turn_uris: (settings) => {
    const uris = list(settings['turn_uris'])
    if (uris.length === 0) return {}
    return {
      turn: {
        uris,
        ...(text(settings['turn_shared_secret']) && { shared_secret: settings['turn_shared_secret'] }),
        ...(text(settings['turn_username']) && { username: settings['turn_username'] }),
        ...(text(settings['turn_password']) && { password: settings['turn_password'] }),
      },
    }
  },
  turn_shared_secret: () => ({}),
  turn_username: () => ({}),
  turn_password: () => ({}),
  default_room_version: ({ default_room_version: version }) =>
    typeof version === 'string' || typeof version === 'number' ? { default_room_version: `${version}` } : {},
  presence: ({ presence }) => (at(presence, 'enabled') === false ? { presence: false } : {}),
  // Taken over by the import itself.
  database: () => ({}),
  signing_key_path: () => ({}),
  old_signing_keys: () => ({}),
  media_store_path: () => ({}),
}

/** Settings that say something only about how Synapse runs. */
const itsOwn = new Set([
  'pid_file', 'log_config', 'report_stats', 'trusted_key_servers', 'suppress_key_server_warning', 'macaroon_secret_key', 'form_secret',
  'caches', 'worker_app', 'instance_map', 'stream_writers', 'redis', 'event_cache_size', 'background_updates', 'daemonize', 'gc_thresholds',
]) // prettier-ignore

/** Proposes a configuration. What it does not know of it names. */
export function propose(config: SynapseConfig): Proposal {
  const { settings } = config
  const mapped: Mapped = {}
  const left: string[] = []
  for (const name of Object.keys(settings)) {
    const map = Object.hasOwn(mappings, name) ? mappings[name] : undefined
    if (map) Object.assign(mapped, map(settings, config))
    else if (!itsOwn.has(name)) left.push(name)
  }
  const { server_name: serverName, ...rest } = mapped
  const yaml = [
    '# Proposed by "latchkey import synapse", from the configuration of Synapse. "latchkey config check" says whether all of it is right,',
    '# "latchkey config example" what else there is.',
    stringify({ server_name: serverName, ...rest }, { lineWidth: 0 }).trimEnd(),
    '',
    '# Where database, signing key and files go. For PostgreSQL, give an empty database: database: postgres://USER:PASSWORD@HOST/NAME',
    'data_dir: data',
    ...(left.length > 0
      ? ['', '# Settings of Synapse that were not taken over:', ...left.map((name) => `#   ${name}`)]
      : []),
    '',
  ].join('\n')
  return { yaml, left }
}
