// The module of the package: in a checkout the sources as they are, elsewhere what was built of them.
import { existsSync } from 'node:fs'

const source = new URL('../src/server/package.ts', import.meta.url)
const built = new URL('../dist/index.js', import.meta.url)
export const { ConfigError, createHomeserver, DatabaseRefused } = await import(existsSync(source) ? source : built)
