import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { type ConfigInput, defaultConfig } from '../../config/index.ts'
import { createOutgoing } from '../../http/index.ts'
import { type Issuer, openIssuer } from '../../../test/harness/issuer.ts'
import { type Keyring, openKeyring } from './keyring.ts'
import { jwtProviders } from './providers.ts'
import type { KeptKeys } from './published-keys.ts'

type Kept = Map<string, KeptKeys & { source: string }>
type Entry = Extract<NonNullable<ConfigInput['identity_providers']>, readonly unknown[]>[number] & { type: 'jwt' }

interface Scene extends AsyncDisposable {
  clock: { now: number }
  issuer: Issuer
  kept: Kept
  said: string[]
  keyring: Keyring
  /** The same provider after a restart. */
  restart(): Keyring
  /** `ok`, or the code of the refusal. */
  verdict(token: string, keyring?: Keyring): Promise<string>
}

const scene = async (entry: (issuer: Issuer) => Partial<Entry> = ({ uri }) => ({ jwks_uri: uri })): Promise<Scene> => {
  const clock = { now: Date.UTC(2030, 0, 1) }
  const issuer = await openIssuer(() => clock.now)
  const outgoing = createOutgoing()
  const config = defaultConfig({
    identity_providers: [{ id: 'p', type: 'jwt', issuer: issuer.url, audiences: ['chat'], ...entry(issuer) }],
  })
  const { providers, findings } = jwtProviders(config)
  assert.deepEqual(findings, [])
  const kept: Kept = new Map()
  const said: string[] = []
  const open = (): Keyring =>
    openKeyring(
      {
        outgoing,
        now: () => clock.now,
        logger: { info: () => {}, warn: ({ reason }: { reason?: string }) => void said.push(String(reason)) },
        kept: new Map(kept),
        keep: async (provider, source, set) => void kept.set(provider, { ...set, source }),
      },
      providers,
    )
  const keyring = open()
  const verdict = async (token: string, ring = keyring): Promise<string> => {
    const verified = await ring.verify(token)
    return verified?.ok ? 'ok' : String(verified?.code)
  }
  return {
    clock,
    issuer,
    kept,
    said,
    keyring,
    restart: open,
    verdict,
    [Symbol.asyncDispose]: async () => {
      keyring[Symbol.dispose]()
      await outgoing[Symbol.asyncDispose]()
      await issuer[Symbol.asyncDispose]()
    },
  }
}
const minute = 60_000

test('keys are read by address, or where the discovery document says', async () => {
  for (const entry of [undefined, () => ({})]) {
    await using world = await scene(entry)
    assert.equal(await world.verdict(await world.issuer.sign({ sub: 'a' })), 'ok')
    assert.equal(await world.verdict(await world.issuer.sign({ sub: 'b' })), 'ok')
    assert.deepEqual(world.issuer.asked, { keys: 1, discovery: entry ? 1 : 0 })
  }
})

test('a thousand first tokens at once cause one fetch', async () => {
  await using world = await scene()
  world.issuer.reply = { delayMs: 50 }
  const token = await world.issuer.sign({ sub: 'a' })
  const verdicts = await Promise.all(Array.from({ length: 1000 }, () => world.verdict(token)))
  assert.deepEqual([...new Set(verdicts)], ['ok'])
  assert.equal(world.issuer.asked.keys, 1)
})

test('keys rotate with no refused good token and no accepted old one', async () => {
  await using world = await scene()
  const { issuer, clock } = world
  const [first] = issuer.keys
  const old = await issuer.sign({ sub: 'a' })
  assert.equal(await world.verdict(old), 'ok')
  issuer.rotate()
  assert.equal(await world.verdict(await issuer.sign({ sub: 'a' })), 'ok', 'the new key is known at once')
  assert.equal(await world.verdict(old), 'ok', 'the old one is published still')
  for (let round = 0; round < 20; round++) {
    clock.now += minute
    issuer.rotate({ drop: true })
    assert.equal(await world.verdict(await issuer.sign({ sub: 'a' })), 'ok', `round ${round}`)
    assert.equal(
      await world.verdict(await issuer.sign({ sub: 'a' }, { key: first! })),
      'kid_unknown',
      `round ${round}, old key`,
    )
  }
})

test('a key that is taken back without another in its place is good no more after the time that is set', async () => {
  await using world = await scene()
  const { issuer, clock } = world
  const [first] = issuer.keys
  const second = issuer.rotate()
  assert.equal(await world.verdict(await issuer.sign({ sub: 'a' }, { key: first! })), 'ok')
  const gone: string[] = []
  world.keyring.onGone((provider, keys) => gone.push(provider, ...keys.map(({ kid }) => String(kid))))
  issuer.rotate({ drop: true })
  clock.now += 10 * minute
  assert.equal(await world.verdict(await issuer.sign({ sub: 'a' }, { key: first! })), 'kid_unknown')
  assert.deepEqual(gone, ['p', 'k1', second.kid])
})

test('the last good keys are used while the issuer is down, after a restart too', async () => {
  await using world = await scene()
  const { issuer, clock } = world
  assert.equal(await world.verdict(await issuer.sign({ sub: 'a' })), 'ok')
  await issuer.down()
  for (let i = 0; i < 60; i++) {
    clock.now += minute
    assert.equal(await world.verdict(await issuer.sign({ sub: 'a' })), 'ok')
  }
  using restarted = world.restart()
  assert.equal(await world.verdict(await issuer.sign({ sub: 'a' }), restarted), 'ok')
  assert.match(world.said.join(), /could not be asked/)
  issuer.rotate()
  assert.equal(
    await world.verdict(await issuer.sign({ sub: 'a' })),
    'keys_unavailable',
    'it may be a good one, and nobody can say',
  )
  await issuer.up()
  clock.now += minute
  assert.equal(await world.verdict(await issuer.sign({ sub: 'a' })), 'ok')
})

test('a set that is useless takes nothing away', async () => {
  await using world = await scene()
  const { issuer, clock } = world
  const token = await issuer.sign({ sub: 'a' }, { lives: 36_000 })
  assert.equal(await world.verdict(token), 'ok')
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })
  for (const reply of [
    { body: '{"keys":[]}' },
    { body: '[]' },
    { body: 'null' },
    { body: 'x' },
    { status: 500 },
    { status: 404 },
    { body: '{"keys":{}}' },
    { body: '{"keys":[7,null,{}]}' },
    { body: `{"keys":[${' '.repeat(600_000)}]}` },
    { body: JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0', kid: 'k1', alg: 'HS256' }] }) },
    { body: JSON.stringify({ keys: [weak] }) },
    { status: 302, headers: { location: 'http://169.254.169.254/latest' } },
  ]) {
    issuer.reply = reply
    clock.now += 11 * minute
    const before = world.said.length
    assert.equal(await world.verdict(token), 'ok', JSON.stringify(reply).slice(0, 100))
    // Nobody waits for an issuer that failed the time before.
    while (world.said.length === before) await setTimeout(5)
    assert.equal(await world.verdict(token), 'ok', JSON.stringify(reply).slice(0, 100))
  }
})

test('a secret in a published set verifies nothing', async () => {
  await using world = await scene(({ uri }) => ({
    jwks_uri: uri,
    secret: ['a secret of thirty-two characters and more'],
    algorithms: ['HS256', 'ES256'],
  }))
  const { issuer } = world
  const evil = Buffer.from('e'.repeat(32))
  const good = issuer.keys.map((key) => ({ ...key.publicKey.export({ format: 'jwk' }), kid: key.kid }))
  issuer.reply = {
    body: JSON.stringify({ keys: [...good, { kty: 'oct', k: evil.toString('base64url'), kid: 'evil' }] }),
  }
  assert.equal(await world.verdict(await issuer.sign({ sub: 'a' })), 'ok')
  const { SignJWT } = await import('jose')
  const signed = (kid?: string): Promise<string> =>
    new SignJWT({ iss: issuer.url, aud: 'chat', sub: 'admin', exp: world.clock.now / 1000 + 60 })
      .setProtectedHeader({ alg: 'HS256', ...(kid !== undefined && { kid }) })
      .sign(evil)
  assert.equal(await world.verdict(await signed('evil')), 'signature_wrong')
  assert.equal(await world.verdict(await signed()), 'signature_wrong')
})

test('ten thousand unknown key ids cause a few fetches, and good tokens are verified meanwhile', async () => {
  await using world = await scene()
  const { issuer, clock } = world
  const [key] = issuer.keys
  const good = await issuer.sign({ sub: 'a' })
  const [, payload, signature] = good.split('.')
  for (let i = 0; i < 10_000; i++) {
    if (i % 100 === 0) clock.now += 10
    const header = Buffer.from(JSON.stringify({ alg: key!.alg, kid: `x${i}` })).toString('base64url')
    assert.equal(await world.verdict(`${header}.${payload}.${signature}`), 'kid_unknown')
    if (i % 1000 === 0) assert.equal(await world.verdict(good), 'ok')
  }
  assert.ok(issuer.asked.keys <= 5, `${issuer.asked.keys} fetches`)
  issuer.rotate()
  clock.now += minute
  assert.equal(await world.verdict(await issuer.sign({ sub: 'a' })), 'ok', 'a new key is found soon after')
})

test('a document of another issuer, or that leads elsewhere, is not followed', async () => {
  await using world = await scene(() => ({}))
  const { issuer } = world
  issuer.claimsToBe = 'https://evil.example'
  assert.equal(await world.verdict(await issuer.sign({ sub: 'a' })), 'keys_unavailable')
  assert.match(world.said[0] ?? '', /another issuer/)
  assert.equal(issuer.asked.keys, 0)
})

test('a set that was read elsewhere is of no use after the address has changed', async () => {
  await using world = await scene()
  const { issuer, kept } = world
  assert.equal(await world.verdict(await issuer.sign({ sub: 'a' })), 'ok')
  const [set] = kept.values()
  assert.ok(set)
  kept.set('p', { ...set, source: 'https://elsewhere.example' })
  await issuer.down()
  using restarted = world.restart()
  assert.equal(await world.verdict(await issuer.sign({ sub: 'a' }), restarted), 'keys_unavailable')
  await issuer.up()
})

test('while no keys are there yet, nobody waits again and again', async () => {
  await using world = await scene()
  const { issuer } = world
  issuer.reply = { status: 503 }
  const token = await issuer.sign({ sub: 'a' })
  for (let i = 0; i < 100; i++) assert.equal(await world.verdict(token), 'keys_unavailable')
  assert.ok(issuer.asked.keys <= 6, `${issuer.asked.keys} fetches`)
})
