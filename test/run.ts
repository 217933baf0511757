// `npm test`: everything that ends in .test.ts under src/ and test/, but for test/interop/, with one runner and one summary, on one
// PostgreSQL for the whole run.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { server as postgres } from './harness/postgres.ts'

const wanted = process.argv.slice(2)
// matrix-js-sdk leaves timers of two minutes behind when it is stopped: a file ends with its last test all the same.
const child = spawn(
  process.execPath,
  [
    '--test',
    '--test-force-exit',
    '--test-timeout=600000',
    '--test-concurrency=2',
    ...(wanted.length ? wanted : ['src/**/*.test.ts', 'test/{*.test.ts,!(interop)/**/*.test.ts}']),
  ],
  { stdio: 'inherit', env: { ...process.env, LATCHKEY_TEST_POSTGRES: 'url' in postgres ? postgres.url : 'off' } },
)
const [status] = (await once(child, 'exit')) as [number | null]
if ('url' in postgres) await postgres.stop()
process.exit(status ?? 1)
