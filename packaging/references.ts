// What the sources name by its place, and not by an import, is brought along in the bundle.
import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Plugin } from 'rolldown'

const placed = /new URL\(\s*'(\.{1,2}\/[^']+)',\s*import\.meta\.url,?\s*\)/g
const required = /\b(?:load|createRequire\(import\.meta\.url\))\('([^'.][^']*)'\)/g
const prefix = 'required:'

/**
 * Three things that a bundler does not see by itself:
 * `new URL('./style.css', import.meta.url)` is a file beside the bundle, `new URL('./worker.ts', import.meta.url)` a chunk of its own,
 * and what is loaded by `createRequire(import.meta.url)('package')` a chunk that is required when it is asked for.
 */
export const references = (): Plugin => ({
  name: 'references',
  resolveId: (id) => (id.startsWith(prefix) ? id : null),
  load(id) {
    if (!id.startsWith(prefix)) return null
    const name = JSON.stringify(id.slice(prefix.length))
    return `import * as all from ${name}; export { all as 'module.exports' }; export default all`
  },
  transform(code, id) {
    if (!id.endsWith('.ts') || id.includes('node_modules')) return null
    const moved = code
      .replaceAll(placed, (whole, path: string) => {
        const file = join(dirname(id), path)
        if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return whole
        const reference = file.endsWith('.ts')
          ? this.emitFile({ type: 'chunk', id: file })
          : this.emitFile({ type: 'asset', name: basename(file), source: readFileSync(file) })
        return `new URL(import.meta.ROLLUP_FILE_URL_${reference})`
      })
      .replaceAll(required, (_, name: string) => {
        const reference = this.emitFile({ type: 'chunk', id: `${prefix}${name}`, name: name.replaceAll(/\W+/g, '-') })
        return `process.getBuiltinModule('node:module').createRequire(import.meta.url)(process.getBuiltinModule('node:url').fileURLToPath(import.meta.ROLLUP_FILE_URL_${reference}))`
      })
    return moved === code ? null : { code: moved }
  },
})
