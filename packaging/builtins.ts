// Node's own modules, taken as they are. An `import` of node:http asks for each of its exports, which loads all that fetch and WebSocket
// need: 16 MB and a tenth of a second for nothing.
import { isBuiltin } from 'node:module'
import type { Plugin } from 'rolldown'

const prefix = '\0builtin:'

/** Those that libraries name at their start and hardly ever use: loaded with the first thing that is asked of them. */
const seldom = new Set(['child_process', 'cluster', 'http2', 'https', 'inspector', 'tls', 'worker_threads'])

/** Named exports are looked for in the object or in what it comes from: that is what the bundler's interop keeps of it. */
const taken = (name: string): string =>
  seldom.has(name)
    ? `const get = (_, key) => (key === '__esModule' ? undefined : process.getBuiltinModule('node:${name}')[key])
module.exports = Object.create(new Proxy({}, { get }))`
    : `module.exports = process.getBuiltinModule('node:${name}')`

/** Takes Node's modules by `process.getBuiltinModule`, whether they are imported or required. */
export const builtins = (): Plugin => ({
  name: 'builtins',
  // The bundler's own first lines import node:module.
  resolveId: (id) => (isBuiltin(id) && !id.endsWith('module') ? `${prefix}${id.replace(/^node:/, '')}` : null),
  load: (id) => (id.startsWith(prefix) ? { code: taken(id.slice(prefix.length)), moduleType: 'js' } : null),
})
