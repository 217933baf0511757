import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { stringify } from 'yaml'
import { describe } from './describe.ts'
import { ConfigError, formatFinding } from './finding.ts'
import { readFlags } from './flags.ts'
import { defaultConfig, loadConfig, type LoadOptions } from './load.ts'
import { flagOf, variableOf } from './overrides.ts'
import { schema, type Config } from './schema.ts'
import { namesIn } from './setting.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-properties-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** The configuration, or undefined when it was refused as it should be; any other error fails the test. */
const attempt = async (options: Partial<LoadOptions>): Promise<Config | undefined> => {
  try {
    return (await loadConfig({ env: {}, cwd: folder, ...options })).config
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error))
    assert.ok(error.findings.some(({ level }) => level === 'error'))
    for (const finding of error.findings) assert.doesNotMatch(formatFinding(finding), /\n|undefined|\[object/)
    return undefined
  }
}
const attemptYaml = async (yaml: string): Promise<Config | undefined> => {
  writeFileSync(join(folder, 'x.yaml'), yaml)
  return attempt({ file: 'x.yaml' })
}

const names = [
  ...namesIn(schema),
  ...namesIn(schema.jwt_config.keys),
  '__proto__',
  'constructor',
  'id',
  'type',
  'per_second',
]
const leaf = fc.oneof(
  fc.constantFrom('off', 'jwt', 'example.org', '127.0.0.1:0', '1h', '8M', 'token', 'HS256', 'sqlite::memory:'),
  fc.string({ unit: 'binary' }),
  fc.boolean(),
  fc.double(),
  fc.constant(null),
)
const key = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...names) }, fc.string())
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 6 }),
  ),
}))

const grammar = 'a: -[]{}"\'#&*!|>%@\t\n,?'.split('')

test('no text makes loading fail but with findings', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...grammar) })),
      async (text) => {
        await attemptYaml(text)
      },
    ),
    { numRuns: 500 },
  )
})

test('no tree makes loading fail but with findings, from YAML or from a program', async () => {
  await fc.assert(
    fc.asyncProperty(tree, async (value) => {
      await attemptYaml(stringify(value, { lineWidth: 0 }))
      try {
        const config = defaultConfig(value as Parameters<typeof defaultConfig>[0])
        assert.deepEqual(defaultConfig(config), config)
        JSON.stringify(describe(config))
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error
      }
    }),
    { numRuns: 500 },
  )
})

test('no object of a program makes loading fail but with findings', () => {
  fc.assert(
    fc.property(
      fc.dictionary(key, fc.anything({ withBigInt: true, withDate: true, withMap: true, withSparseArray: true })),
      (value) => {
        try {
          defaultConfig(value)
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error
        }
      },
    ),
    { numRuns: 300 },
  )
})

test('no environment makes loading fail but with findings', async () => {
  const variable = fc.oneof(
    fc.constantFrom(...names.map((name) => variableOf([name]))),
    fc.string().map((text) => `LATCHKEY_${text}`),
  )
  const text = fc.oneof(leaf.map(String), fc.json())
  await fc.assert(
    fc.asyncProperty(fc.dictionary(variable, text), async (env) => {
      await attempt({ env })
    }),
    { numRuns: 300 },
  )
})

test('a value comes out the same from the file, the environment, a flag and --set', async () => {
  const listen = fc.array(
    fc.tuple(fc.ipV4(), fc.nat(65_535)).map(([host, port]) => `${host}:${port}`),
    { minLength: 1, maxLength: 3 },
  )
  const some = fc.record({
    server_name: fc
      .domain()
      .map((name) => name.toLowerCase())
      .filter((name) => name.length < 200),
    listen,
    presence: fc.boolean(),
    registration_shared_secret: fc.string({ minLength: 1 }),
    registration: fc.constantFrom('open', 'closed'),
    max_request_size: fc.integer({ min: 1, max: 999_999_999 }).map(String),
    access_token_lifetime: fc.constantFrom('off', '90s', '7d'),
  })
  await fc.assert(
    fc.asyncProperty(some, async (values) => {
      const entries = Object.entries(values).map(([name, value]): [string, string] => [name, String(value)])
      const expected = await attemptYaml(stringify(values, { lineWidth: 0 }))
      assert.ok(expected)
      const sources: Partial<LoadOptions>[] = [
        { env: Object.fromEntries(entries.map(([name, text]) => [variableOf([name]), text])) },
        { flags: readFlags(entries.map(([name, text]) => `${flagOf(name)}=${text}`)).flags },
        { flags: readFlags(entries.flatMap(([name, text]) => ['--set', `${name}=${text}`])).flags },
      ]
      for (const source of sources) assert.deepEqual(await attempt(source), expected)
    }),
    { numRuns: 100 },
  )
})
