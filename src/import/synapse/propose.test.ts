import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../config/index.ts'
import { propose } from './propose.ts'
import { templateFrom } from './propose-provider.ts'
import { readSynapseConfig } from './settings.ts'

const homeserver = `
server_name: example.org
public_baseurl: https://matrix.example.org/
pid_file: /run/homeserver.pid
listeners:
  - { port: 8008, type: http, x_forwarded: true, bind_addresses: ["::1", "127.0.0.1"], resources: [{ names: [client, federation] }] }
  - { port: 9093, type: metrics }
database: { name: sqlite3, args: { database: homeserver.db } }
enable_registration: true
registration_requires_token: true
registration_shared_secret: "a secret"
password_config: { enabled: true, pepper: "a pepper" }
max_upload_size: 20M
turn_uris: ["turn:turn.example.org"]
turn_shared_secret: "another"
default_room_version: 11
presence: { enabled: false }
account_validity: { enabled: true }
oidc_providers:
  - idp_id: keycloak
    idp_name: Example
    issuer: https://login.example.org/realms/main
    client_id: synapse
    client_secret: "a third"
    attribute_requirements: [{ attribute: groups, value: chat }]
    user_mapping_provider:
      config: { localpart_template: "{{ user.preferred_username }}", display_name_template: "{{ user.name|title }}" }
    backchannel_logout_enabled: true
`

test('a configuration is proposed that Latchkey takes, and what it lacks is named', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-propose-'))
  try {
    const [from, to] = [join(folder, 'homeserver.yaml'), join(folder, 'latchkey.yaml')]
    writeFileSync(from, homeserver)
    const { yaml, left } = propose(readSynapseConfig([from]))
    assert.deepEqual(left, ['account_validity'])
    assert.match(yaml, /not taken over:\n#\s+account_validity/)
    writeFileSync(to, yaml, { mode: 0o600 })
    const { config } = await loadConfig({ file: to, flags: [], env: {}, cwd: folder, checks: [] })
    const [provider] = config.identity_providers
    assert.deepEqual(
      [
        config.server_name,
        config.public_base_url,
        config.listen,
        config.registration,
        config.registration_shared_secret,
        config.imported_password_pepper,
        config.media.max_upload_size,
        config.turn.uris,
        config.default_room_version,
        config.presence,
        provider?.id,
        provider?.type === 'oidc' && [provider.client_secret, provider.rules, provider.mapping.localpart],
      ],
      [
        'example.org',
        'https://matrix.example.org',
        ['127.0.0.1:8008'],
        'token',
        'a secret',
        'a pepper',
        20 * 1024 * 1024,
        ['turn:turn.example.org'],
        '11',
        false,
        'keycloak',
        ['a third', ['groups contains chat'], ['{preferred_username}']],
      ],
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('templates of names that say one thing are taken over, others are not', () => {
  for (const [template, ours] of [
    ['{{ user.preferred_username }}', '{preferred_username}'],
    ['{{user.email.split("@")[0]}}', '{email|before @}'],
    ['{{ user.name | lower }}', '{name|lower}'],
    ['{{ user.a }}-{{ user.b }}', undefined],
    ['{% if user.a %}x{% endif %}', undefined],
    [7, undefined],
  ] as const)
    assert.equal(templateFrom(template), ours)
})
