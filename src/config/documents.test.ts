import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { roomVersions } from '../matrix/room-version.ts'
import { exampleYaml } from './example.ts'
import { loadConfig, type Loaded } from './load.ts'
import { referenceMarkdown } from './reference.ts'
import { schema } from './schema.ts'

const load = async (yaml: string): Promise<Loaded> => {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-example-'))
  try {
    await writeFile(join(folder, 'latchkey.yaml'), yaml)
    return await loadConfig({ file: 'latchkey.yaml', env: {}, cwd: folder })
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('the example is a configuration without a fault', async () => {
  const { config, warnings } = await load(exampleYaml())
  assert.deepEqual(warnings, [])
  assert.equal(config.server_name, 'example.org')
  assert.equal(config.jwt_config.enabled, false)
})

test('the example with everything in it switched on is one too, and has every setting', async () => {
  const whole = exampleYaml()
    .replaceAll(/^#(?! )/gm, '')
    .replaceAll(/^#(?= {2})/gm, '')
    // Certificates come from one place.
    .replace(/^ {2}email: admin@example\.org\n/m, '')
    .replace('enabled: false', 'enabled: true')
    .replace('registration: closed', 'registration: token')
  const { config, warnings } = await load(whole)
  assert.deepEqual(warnings, [])
  assert.deepEqual(Object.keys(config), Object.keys(schema))
  assert.equal(config.jwt_config.issuer, 'https://login.example.org')
})

test('docs/reference/config.md is what the schema says', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/reference/config.md'), 'utf8')
  assert.ok(page === referenceMarkdown(), 'The page is stale: npx latchkey config reference > docs/reference/config.md')
})

test('every room version that exists can be the default', () => {
  assert.deepEqual([...schema.default_room_version.values], [...roomVersions.keys()])
})
