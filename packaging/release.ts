// `npm run release -- VERSION`: sets the version, closes the changelog, commits, tags, and makes everything that is published, with checksums,
// in release/. Nothing leaves this machine: what to do next is printed. `--build-only` makes the files of the version that is there.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildDeb } from './deb.ts'
import { imageFile } from './image.ts'
import { pack, root, versionOf } from './stage.ts'

const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()

/** The changelog with what is unreleased under a version. @throws Error when there is nothing */
export function closeChangelog(text: string, version: string, day: string): string {
  const [before = '', rest] = text.split(/^## Unreleased$/m)
  if (rest === undefined || rest.split(/^## /m)[0]?.trim() === '')
    throw new Error('CHANGELOG.md has nothing under "## Unreleased": there is nothing to release')
  return `${before}## Unreleased\n\n## ${version} (${day})${rest}`
}

/** @throws Error for a version that does not follow the one that is there */
export function mustFollow(version: string, last: string): void {
  const parts = (text: string): number[] => text.split('.').map(Number)
  if (!/^\d+\.\d+\.\d+$/.test(version)) throw new Error(`"${version}" is not a version: write 1.2.3`)
  const [a, b] = [parts(version), parts(last)]
  const at = a.findIndex((part, index) => part !== b[index])
  if (at === -1 || (a[at] ?? 0) < (b[at] ?? 0)) throw new Error(`${version} does not come after ${last}`)
}

/** Commits and tags the version. */
function tag(version: string): void {
  if (git('status', '--porcelain') !== '') throw new Error('There are changes that are not committed')
  mustFollow(version, versionOf(join(root, 'package.json')))
  const changelog = join(root, 'CHANGELOG.md')
  writeFileSync(
    changelog,
    closeChangelog(readFileSync(changelog, 'utf8'), version, new Date().toISOString().slice(0, 10)),
  )
  execFileSync('npm', ['version', version, '--no-git-tag-version'], { cwd: root })
  git('commit', '--all', '--message', `latchkey: Release ${version}`)
  git('tag', '--annotate', `v${version}`, '--message', `Latchkey ${version}`)
}

/** Makes what is published. */
function make(out: string): void {
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out)
  const tarball = pack(out)
  for (const machine of ['amd64', 'arm64'] as const) buildDeb(tarball, machine, out)
  imageFile(tarball, out)
  const sums = readdirSync(out)
    .sort()
    .map(
      (name) =>
        `${createHash('sha256')
          .update(readFileSync(join(out, name)))
          .digest('hex')}  ${name}\n`,
    )
  writeFileSync(join(out, 'SHA256SUMS'), sums.join(''))
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    options: { 'build-only': { type: 'boolean', default: false } },
    allowPositionals: true,
  })
  const [version] = positionals
  const out = join(root, 'release')
  if (values['build-only']) make(out)
  else if (version === undefined) throw new Error('Name the version: npm run release -- 0.2.0')
  else {
    tag(version)
    // What was imported above knows the version before: the files are made by a process of their own.
    execFileSync(process.execPath, [import.meta.filename, '--build-only'], { stdio: 'inherit' })
    console.log(
      `release/ has the files of ${version}. To publish: git push --follow-tags; npm publish release/latchkey-${version}.tgz; attach release/*`,
    )
  }
}
