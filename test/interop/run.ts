// `npm run test:interop`: holds the server to the real things it works with, one file after the other. A file whose component is not here
// says so in a line and is passed over. Packages that only these tests need have a lock of their own, in package.json beside this file.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { once } from 'node:events'

const folder = import.meta.dirname
const [lock, installed] = [join(folder, 'package-lock.json'), join(folder, 'node_modules', '.package-lock.json')]

/** Installs what the lock names, unless that was done since it last changed. */
const install = (): void => {
  if (!existsSync(join(folder, 'package.json'))) return
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' })
  if (status !== 0)
    console.log('the packages of test/interop cannot be installed: tests that need them are skipped or fail')
}

install()
const wanted = process.argv.slice(2)
const child = spawn(
  process.execPath,
  [
    '--test',
    '--test-force-exit',
    '--test-timeout=1200000',
    '--test-concurrency=1',
    ...(wanted.length ? wanted : ['test/interop/**/*.test.ts']),
  ],
  { stdio: 'inherit', cwd: join(folder, '..', '..') },
)
const [status] = (await once(child, 'exit')) as [number | null]
process.exit(status ?? 1)
