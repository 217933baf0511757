// Holds the guides to identity providers to the code: settings in them ("```yaml config") are what `config check` is content with, and tokens as
// the provider makes them ("```json claims provider=ID user=@who:where") sign in who the guide says, by the settings above them.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { SignJWT } from 'jose'
import { configChecks } from '../src/cli/config-checks.ts'
import { type Config, formatFinding, loadConfig } from '../src/config/index.ts'
import { createOutgoing } from '../src/http/index.ts'
import { nameFor, policiesOf, userIdOf } from '../src/identity/index.ts'
import { explainToken, jwtProviders, openKeyring } from '../src/providers/index.ts'
import { type Block, readPages } from './docs-pages.ts'

type Entry = Config['identity_providers'][number]
const option = ({ words }: Block, name: string): string =>
  words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''

const load = async (text: string): Promise<Config> => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-guides-'))
  try {
    writeFileSync(join(folder, 'latchkey.yaml'), text)
    const { config, warnings } = await loadConfig({
      file: join(folder, 'latchkey.yaml'),
      env: {},
      cwd: folder,
      checks: configChecks,
    })
    assert.deepEqual(warnings.map(formatFinding), [])
    return config
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwks = JSON.stringify({
  keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'theirs', alg: 'RS256', use: 'sig' }],
})

/** Who comes in by the token, signed by a key of the test's own in place of the provider's. */
const byToken = async (
  config: Config,
  entry: Entry & { type: 'jwt' },
  claims: Record<string, unknown>,
): Promise<string | undefined> => {
  const { jwks_uri: _uri, same_people_as: _people, ...rest } = entry
  const here: Config = { ...config, identity_providers: [{ ...rest, jwks }] }
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid: 'theirs', typ: 'JWT' })
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(privateKey)
  await using outgoing = createOutgoing()
  using keyring = openKeyring(
    {
      outgoing,
      now: () => Date.now(),
      logger: { info: () => {}, warn: () => {} },
      kept: new Map(),
      keep: () => Promise.resolve(),
    },
    jwtProviders(here).providers,
  )
  const explanation = await explainToken(
    { keyring, policies: policiesOf(here).policies, serverName: here.server_name, entries: here.identity_providers },
    token,
  )
  return explanation?.user ?? explanation?.problem
}

/** Who comes in through the browser with these claims. */
const byBrowser = (config: Config, entry: Entry, claims: Record<string, unknown>): string => {
  const policy = policiesOf(config).policies.get(entry.id) ?? assert.fail(`there is no ${entry.id}`)
  // What is read of the page is JSON.
  const identity = {
    provider: entry.id,
    subject: String(claims['sub']),
    claims: claims as Parameters<typeof nameFor>[1]['claims'],
  }
  const broken = policy.rules.find((rule) => !rule.holds(identity.claims))
  return broken ? `the rule "${broken.text}" does not hold` : userIdOf(nameFor(policy, identity), config.server_name)
}

for (const page of readPages()) {
  const blocks = page.blocks.filter(({ words }) => words.includes('config') || words.includes('claims'))
  if (blocks.length === 0) continue
  test(`the settings of ${page.path} are right, and let in whom it says`, async () => {
    let config: Config | undefined
    for (const block of blocks) {
      const where = `${page.path}:${block.line}`
      if (block.words.includes('config')) {
        config = await load(block.text)
        continue
      }
      const entry = config?.identity_providers.find(({ id }) => id === option(block, 'provider'))
      if (!config || !entry) assert.fail(`${where}: no settings above name the provider`)
      const claims = JSON.parse(block.text) as Record<string, unknown>
      assert.equal(
        entry.type === 'jwt' ? await byToken(config, entry, claims) : byBrowser(config, entry, claims),
        option(block, 'user'),
        where,
      )
    }
  })
}
