// Holds the documentation to what is there: links, sizes, generated pages, and commands that are run as they stand.
import assert from 'node:assert/strict'
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, test } from 'node:test'
import { defaultConfig } from '../src/config/index.ts'
import { parsePage, readPages, root } from './docs-pages.ts'
import { pictureFile, terminal } from './docs-picture.ts'
import { referencePages } from './docs-reference.ts'
import { isRunnable, oneAfterTheOther, runPage } from './docs-run.ts'

const pages = readPages()
const pageOf = new Map(pages.map((page) => [page.path, page]))

test('every link of the documentation leads somewhere', () => {
  const faults = pages.flatMap((page) =>
    page.links.flatMap(({ target, line }) => {
      if (/^(https?|mailto):/.test(target)) return []
      const [file = '', anchor] = target.split('#')
      const path = file === '' ? page.path : normalize(join(dirname(page.path), file))
      const where = `${page.path}:${line}: ${target}`
      if (!existsSync(join(root, path))) return [`${where}: there is no such file`]
      return anchor === undefined || pageOf.get(path)?.headings.includes(anchor)
        ? []
        : [`${where}: there is no such heading`]
    }),
  )
  assert.deepEqual(faults, [])
})

test('every page of docs/ can be reached from the README', () => {
  const reached = new Set<string>()
  const visit = (path: string): void => {
    const page = pageOf.get(path)
    if (!page || reached.has(path)) return
    reached.add(path)
    for (const { target } of page.links) visit(normalize(join(dirname(path), target.split('#')[0] ?? '')))
  }
  visit('README.md')
  assert.deepEqual(
    pages.map(({ path }) => path).filter((path) => !reached.has(path)),
    [],
  )
})

test('generated pages are what the code makes of them', async () => {
  for (const [path, text] of Object.entries(await referencePages())) {
    assert.ok(pageOf.get(path)?.text === text, `${path} is stale: run "node test/docs-reference.ts"`)
  }
})

test('the picture in the README shows what npm start prints', async () => {
  const { start } = await terminal()
  const shown = [...readFileSync(pictureFile, 'utf8').matchAll(/<text class="line"[^>]*>(.*)<\/text>/g)].map(
    (match) => match[1] ?? '',
  )
  // Tokens are others each time, and long lines are broken in the picture.
  const lasting = (lines: readonly string[]): string[] => lines.filter((line) => !line.includes('eyJ') && line !== '')
  assert.deepEqual(
    lasting(shown),
    lasting(start).map((line) => line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')),
    'the picture is stale: run "node test/docs-picture.ts"',
  )
})

test('the page on rate limits has the defaults of the settings', () => {
  const { rate_limits: limits } = defaultConfig()
  const expected =
    limits === 'off'
      ? []
      : Object.entries(limits).map(([kind, limit]) => [
          kind,
          ...(limit === 'off' ? [] : [limit.per_second, limit.burst].map(String)),
        ])
  const rows = [
    ...(pageOf.get('docs/topics/rate-limits.md')?.text.matchAll(/^\| `(\w+)` \|.*\| (\S+) \| (\S+) \|$/gm) ?? []),
  ].map((match) => match.slice(1))
  assert.deepEqual(rows, expected)
})

test('the page on sign-in explains every code of a refusal', () => {
  const source = readFileSync(join(root, 'src', 'providers', 'jwt', 'refusal.ts'), 'utf8')
  const codes = [
    ...source.slice(source.indexOf('type RefusalCode'), source.indexOf('class ')).matchAll(/'(\w+)'/g),
  ].map((match) => match[1] ?? '')
  assert.ok(codes.length > 20)
  const page = pageOf.get('docs/topics/sign-in.md')?.text ?? ''
  assert.deepEqual(
    codes.filter((code) => !page.includes(`\`${code}\``)),
    [],
  )
})

test('the map has every folder, in order', () => {
  const listed = [...(pageOf.get('ARCHITECTURE.md')?.text.matchAll(/^\| `([a-z.]+)\/?` \|/gm) ?? [])].map(
    (match) => match[1] ?? '',
  )
  const inTest =
    /const order = \[([^\]]*)\]/.exec(readFileSync(join(root, 'test', 'layout.test.ts'), 'utf8'))?.[1] ?? ''
  const there = [...inTest.matchAll(/'([^']+)'/g)]
    .map((match) => match[1] ?? '')
    .filter((name) => existsSync(join(root, 'src', name)))
  assert.deepEqual(listed, there)
})

interface Locked {
  os?: string[]
  cpu?: string[]
  libc?: string[]
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
}

/** Where a production install puts its packages, on this kind of machine: what can be reached from the dependencies, as Node looks for it. */
function productionPackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, Locked>
  }
  const fits = (allowed: string[] | undefined, ours: string): boolean => !allowed || allowed.includes(ours)
  const reached = new Set<string>()
  const visit = (path: string): void => {
    const { dependencies, optionalDependencies } = packages[path] ?? {}
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      let folder = path
      while (!packages[join(folder, 'node_modules', name)] && folder !== '')
        folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))
      const found = join(folder, 'node_modules', name)
      const locked = packages[found]
      if (
        !locked ||
        reached.has(found) ||
        !fits(locked.os, process.platform) ||
        !fits(locked.cpu, process.arch) ||
        !fits(locked.libc, 'glibc')
      )
        continue
      reached.add(found)
      visit(found)
    }
  }
  visit('')
  return [...reached]
}

/** What a folder takes on the disk, without the packages nested in it, in bytes. */
function sizeOf(path: string): number {
  const stat = lstatSync(path)
  if (!stat.isDirectory()) return stat.blocks * 512
  return readdirSync(path)
    .filter((name) => name !== 'node_modules')
    .reduce((sum, name) => sum + sizeOf(join(path, name)), stat.blocks * 512)
}

test('the README gives the size of a production install as it is', (context) => {
  const [, packages, megabytes] =
    /(\d+) packages and (\d+) MB/.exec(pageOf.get('README.md')?.text.split('\n').slice(0, 8).join(' ') ?? '') ?? []
  const close = (claimed: string | undefined, real: number, what: string): void =>
    assert.ok(
      Math.abs(Number(claimed) - real) <= Math.max(2, real / 10),
      `the README claims ${claimed} ${what}, and it is ${Math.round(real)}`,
    )
  const paths = productionPackages()
  close(packages, paths.length, 'packages')
  if (process.platform !== 'linux') return context.diagnostic('the megabytes are those of Linux')
  const installed = paths.map((path) => join(root, path)).filter((path) => existsSync(path))
  if (installed.length < paths.length)
    return context.diagnostic('the megabytes are not counted: not all packages are installed')
  close(megabytes, installed.reduce((sum, path) => sum + sizeOf(path), 0) / 1024 / 1024, 'MB')
})

const specLink = /https?:\/\/spec\.matrix\.org[^\s)>*'"]*/g
const specPart =
  /^(client-server-api|server-server-api|application-service-api|push-gateway-api|appendices|rooms(\/v\d+)?)\/(#[a-z0-9_-]+)?$/
const specBase = 'https://spec.matrix.org/v1.19/'
const isWellFormed = (link: string): boolean => link.startsWith(specBase) && specPart.test(link.slice(specBase.length))

const specLinks = (): { file: string; link: string }[] => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('src', name))
  return [...sources, ...pages.map(({ path }) => path)].flatMap((file) =>
    (readFileSync(join(root, file), 'utf8').match(specLink) ?? []).map((link) => ({
      file,
      link: link.replace(/[.,;]$/, ''),
    })),
  )
}

test('every link to the specification is well-formed', () => {
  assert.deepEqual(
    specLinks().filter(({ link }) => !isWellFormed(link)),
    [],
  )
})

const endpointsFile = join(root, '..', 'shared', 'spec', 'endpoints.json')

test(
  'every link to an endpoint of the specification names one',
  { skip: !existsSync(endpointsFile) && '../shared/spec is not there' },
  () => {
    const endpoints = JSON.parse(readFileSync(endpointsFile, 'utf8')) as { method: string; path: string }[]
    const anchors = new Set(
      endpoints.map(({ method, path }) => (method + path).toLowerCase().replaceAll(/[^a-z0-9_-]/g, '')),
    )
    const named = specLinks().filter(({ link }) => /#(get|put|post|delete)(_matrix|well-known)/.test(link))
    assert.deepEqual(
      named.filter(({ link }) => !anchors.has(link.replace(/.*#/, '').replace(/_(request|response)(-.*)?$/, ''))),
      [],
    )
  },
)

/** The prose of the specification: the folder `content` of a checkout of github.com/matrix-org/matrix-spec. */
const prose = process.env['LATCHKEY_SPEC_PROSE']

test(
  'every link to a heading of the specification names one',
  { skip: prose === undefined && 'LATCHKEY_SPEC_PROSE names no folder' },
  () => {
    const folder = prose ?? ''
    const text = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => readFileSync(join(folder, name), 'utf8'))
      .join('\n')
    const anchors = new Set(parsePage('', text).headings.map((heading) => heading.replace(/-\d+$/, '')))
    // Headings of events and definitions are made from the schemas, those of endpoints are looked at above.
    const headings = specLinks().filter(({ link }) =>
      /#(?!m[a-z]*room|definition|(get|put|post|delete)(_matrix|well-known))/.test(link),
    )
    assert.deepEqual(
      headings.filter(({ link }) => !anchors.has(link.replace(/.*#/, '').replace(/-\d+$/, ''))),
      [],
    )
  },
)

describe('commands of the documentation work as they stand', { concurrency: 1 }, () => {
  for (const page of pages.filter(isRunnable)) {
    test(page.path, async (context) => {
      const { skipped } = await runPage(page)
      for (const { why } of skipped) context.diagnostic(why)
    })
  }

  test('Getting started, and then Own backend in the same folder', async () => {
    const path = ['docs/setup/getting-started.md', 'docs/setup/own-backend.md'].map((one) => pageOf.get(one)!)
    const page = oneAfterTheOther(path)
    // In that folder Alice is there already.
    const block = page.blocks.find(({ text }) => text.includes('A new one is made'))
    assert.ok(block)
    block.text = block.text.replace(
      'A new one is made',
      'It was made for trying out: it is handed over, and its sessions end',
    )
    await runPage(page)
  })
})
