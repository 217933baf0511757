// Holds the architecture: the ordered list of folders. To change the architecture is to change this list.
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', 'src')
const order = [
  'matrix',
  'config',
  'storage',
  'streams',
  'jobs',
  'http',
  'users',
  'devices',
  'sessions',
  'events',
  'identity',
  'providers',
  'login',
  'oauth',
  'rooms',
  'history',
  'directory',
  'ephemeral',
  'media',
  'push',
  'appservice',
  'federation',
  'sync',
  'admin',
  'metrics',
  'server',
  'import',
  'cli',
]
const firstFeature = order.indexOf('users')
/** Foreign packages, and the only places that may import them. */
const homes: Record<string, RegExp> = {
  fastify: /^http\//,
  pg: /^storage\//,
  kysely: /^storage\/|store\.ts$|\/store\/|tables\.ts$|\.test\.ts$/,
  jose: /^providers\/|^oauth\/|^cli\/|\.test\.ts$/,
  yaml: /^config\/|^appservice\/|^import\//,
  undici: /^http\//,
  sharp: /^media\//,
  'file-type': /^media\//,
  nodemailer: /^login\//,
  bcryptjs: /^login\//,
  'openid-client': /^providers\//,
  ldapts: /^providers\//,
  '@node-saml': /^providers\//,
  'acme-client': /^http\//,
  'prom-client': /^metrics\//,
  typebox: /./,
}

const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
const imports = (file: string): string[] =>
  [
    ...readFileSync(join(root, file), 'utf8').matchAll(
      /^(?:import|export)[^'"]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm,
    ),
  ].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
const folderOf = (file: string): string => file.split('/')[0] ?? ''

test('every folder is in the list', () => {
  for (const entry of readdirSync(root))
    assert.ok(order.includes(entry), `src/${entry} is not in the architecture's list`)
})

test('a folder imports only from folders above it, and enters a feature by its index.ts', () => {
  for (const file of files) {
    for (const target of imports(file).filter((name) => name.startsWith('.'))) {
      assert.ok(target.endsWith('.ts') || target.endsWith('.json'), `${file}: relative imports end in .ts (${target})`)
      const path = relative(root, join(root, dirname(file), target))
      const [from, to] = [folderOf(file), folderOf(path)]
      if (from === to || path.startsWith('..')) continue
      assert.ok(
        order.indexOf(to) < order.indexOf(from) || file.endsWith('.test.ts'),
        `${file} imports ${path}, which is further down the list`,
      )
      if (order.indexOf(to) >= firstFeature && to !== 'server') {
        assert.equal(path, `${to}/index.ts`, `${file} enters ${to}/ by ${path}, not by its index.ts`)
      }
    }
  }
})

test('inside a folder no files import each other in a circle', () => {
  const done = new Set<string>()
  const walk = (file: string, path: readonly string[]): void => {
    const begin = path.indexOf(file)
    if (begin >= 0)
      assert.fail(
        `${[...path.slice(begin), file].join(' → ')}: what they share moves to a deps.ts, or to the one that needs it`,
      )
    if (done.has(file)) return
    for (const target of imports(file).filter((name) => name.startsWith('.') && name.endsWith('.ts'))) {
      const next = join(dirname(file), target)
      if (folderOf(next) === folderOf(file)) walk(next, [...path, file])
    }
    done.add(file)
  }
  for (const file of files) walk(file, [])
})

test('every foreign package has one home', () => {
  for (const file of files) {
    for (const target of imports(file)) {
      const home = homes[target.split('/')[0] ?? '']
      assert.ok(!home || home.test(file), `${file} imports ${target}`)
    }
  }
})

test('the environment, the clock and randomness are read at the edges only', () => {
  for (const file of files.filter((name) => !name.endsWith('.test.ts'))) {
    const text = readFileSync(join(root, file), 'utf8')
    if (!/^(config|cli)\/|^server\//.test(file)) assert.doesNotMatch(text, /process\.env/, `${file} reads process.env`)
    if (!/^(cli)\/|^server\//.test(file)) {
      assert.doesNotMatch(
        text,
        /\bDate\.now\(|new Date\(\)|Math\.random\(/,
        `${file} reads the clock or randomness: take deps.now() or deps.randomId()`,
      )
    }
  }
})

test('no file is longer than 500 lines', () => {
  for (const file of files) {
    const lines = readFileSync(join(root, file), 'utf8').split('\n').length
    assert.ok(lines <= 500, `${file} has ${lines} lines`)
  }
})

test('no line of code is wider than 160 columns', () => {
  const top = join(root, '..')
  for (const folder of ['src', 'test', 'bench'])
    for (const name of readdirSync(join(top, folder), { recursive: true, encoding: 'utf8' })) {
      if (name.includes('node_modules')) continue
      // A migration that was released never changes, not even its breaks of lines.
      if (!name.endsWith('.ts') || /migrations\/\d{4}-/.test(name)) continue
      const lines = readFileSync(join(top, folder, name), 'utf8').split('\n')
      const wide = lines.findIndex((line) => line.length > 160) + 1
      assert.equal(wide, 0, `${folder}/${name}:${wide} is wider than 160 columns: give a part of it a name`)
    }
})
