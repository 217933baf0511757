// `npm test`: everything that ends in .test.ts under src/ and test/, with one runner and one summary.
import { spawnSync } from 'node:child_process'

const wanted = process.argv.slice(2)
const { status } = spawnSync(process.execPath, [
  '--test', '--test-timeout=600000', '--test-concurrency=2', ...(wanted.length ? wanted : ['src/**/*.test.ts', 'test/**/*.test.ts']),
], { stdio: 'inherit' })
process.exit(status ?? 1)
