import { nearest } from './nearest.ts'
import { type Keys, namesIn } from './setting.ts'

/** Settings that people bring from other homeservers, and what to do with them here. */
const elsewhere: Readonly<Record<string, string>> = {
  listeners: 'Write listen: 127.0.0.1:8008, or a list of addresses.',
  bind_addresses: 'Write listen: 127.0.0.1:8008, or a list of addresses.',
  port: 'Write listen: 127.0.0.1:8008, or a list of addresses.',
  enable_registration: 'Write registration: open, closed or token.',
  registration_requires_token: 'Write registration: token.',
  password_config: 'Write password_login: true or false.',
  signing_key_path: 'Write signing_key_file: PATH.',
  log_config: 'Write a block log: with level and format.',
  media_store_path: 'Media is kept in data_dir.',
  use_presence: 'Write presence: true or false.',
  allow_guest_access: 'Write allow_guests: true or false.',
  refreshable_access_token_lifetime: 'Write access_token_lifetime: 1h.',
  session_lifetime: 'Write access_token_lifetime: 1h.',
  web_client_location: 'Take the line out: it has no counterpart here.',
  macaroon_secret_key: 'Take the line out: it is not needed here.',
  form_secret: 'Take the line out: it is not needed here.',
  report_stats: 'Take the line out: nothing is reported to anybody.',
  trusted_key_servers: 'Take the block out: it is not needed here.',
  pid_file: 'Take the line out: the server stays in the foreground.',
  oidc_providers: 'Providers go under identity_providers.',
  oidc_config: 'Providers go under identity_providers.',
  saml2_config: 'Providers go under identity_providers.',
  cas_config: 'Providers go under identity_providers.',
}

/** Every block of settings but lists, by its path. */
function* blocks(keys: Keys, path = ''): Generator<readonly [path: string, keys: Keys]> {
  yield [path, keys]
  for (const [key, setting] of Object.entries(keys)) {
    if (setting.kind === 'group') yield* blocks(setting.keys, path ? `${path}.${key}` : key)
  }
}

/** What to say to somebody who wrote a name that is no setting of this block. */
export const adviceFor = (key: string, path: string, keys: Keys, schema: Keys): string => {
  if (path === '' && Object.hasOwn(elsewhere, key)) return elsewhere[key] ?? ''
  if (key.startsWith('rc_') && path === '') return 'Limits go under rate_limits.'
  const name = nearest(key, namesIn(keys))
  if (name && name.length > 3) return `Did you mean "${path ? `${path}.${name}` : name}"?`
  const joined = [...blocks(schema)]
    .flatMap(([home, names]) => (home ? namesIn(names).map((inner) => `${home}.${inner}`) : []))
    .find((inner) => inner.replaceAll('.', '_') === key)
  if (joined && path === '')
    return `Did you mean "${joined.split('.').at(-1)}" below "${joined.split('.').slice(0, -1).join('.')}:"?`
  const homes = [...blocks(schema)]
    .filter(([home, names]) => home !== path && namesIn(names).includes(key))
    .map(([home]) => home)
  const [home] = homes
  if (home === '') return `"${key}" is not part of "${path}": write it at the start of a line.`
  if (home !== undefined && homes.length === 1) return `"${key}" is part of "${home}": indent it below "${home}:".`
  if (name) return `Did you mean "${path ? `${path}.${name}` : name}"?`
  return path === '' ? '"latchkey config example" shows every setting.' : `Here may stand ${namesIn(keys).join(', ')}.`
}
