// The licences of what is in the bundle: most ask that their text goes with every copy.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const folderOf = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/

/** The folders of the packages that modules are from. */
export const packagesOf = (modules: readonly string[]): Set<string> =>
  new Set(modules.flatMap((id) => folderOf.exec(id.replace(/^\0/, ''))?.[0] ?? []))

/**
 * One text with the licence of each package.
 * @throws Error for a package that says nothing of its licence
 */
export function licences(packages: ReadonlySet<string>): string {
  const parts = [...packages].sort().map((folder) => {
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>
    const texts = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name))
    const { name, version, license } = manifest
    if (texts.length === 0 && license === undefined) throw new Error(`${String(name)} has no licence`)
    const text = texts.map((file) => readFileSync(join(folder, file), 'utf8').trim()).join('\n\n')
    return `${String(name)} ${String(version)} (${String(license)})\n\n${text}`
  })
  return `Latchkey is under the licence in LICENSE. In its files are parts of these packages:\n\n${parts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`
}
