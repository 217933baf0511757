// The page about moving, word for word: its commands, in its order, in the folder of a real Synapse.
import assert from 'node:assert/strict'
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { until } from '../../harness/person.ts'
import { ask, fill, type Person } from './fill.ts'
import { python, startSynapse } from './source.ts'

const root = join(import.meta.dirname, '..', '..', '..')
const main = join(root, 'src', 'cli', 'main.ts')

/** The commands of the page, and when they are given. */
const steps = [
  ...readFileSync(join(root, 'docs/setup/from-synapse.md'), 'utf8').matchAll(
    /^ *```sh move ?(\w*)\n([\s\S]*?)^ *```/gm,
  ),
].map(([, when = '', text = '']) => ({
  when,
  commands: text
    .trim()
    .split('\n')
    .map((line) => line.trim()),
}))

test('the guide to moving from Synapse, and back', { skip: python === undefined }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-guide-'))
  let synapse = await startSynapse({ folder, serverName: 'syn.test' })
  const port = Number(new URL(synapse.url).port)
  let latchkey: ChildProcess | undefined
  const seenAt: string[] = []
  try {
    const filled = await fill(synapse, 'syn.test', { users: 5, rooms: 3, messages: 9 })
    const person = filled.people[0] as Person
    const whoami = async (): Promise<unknown> =>
      (await ask(synapse.url, person.token, 'GET', '/account/whoami'))['user_id']
    for (const { when, commands } of steps) {
      if (when === 'stopped') await synapse.stop()
      for (const command of commands) {
        const [program, ...words] = command.split(' ')
        if (when === 'back') {
          latchkey?.kill('SIGTERM')
          if (latchkey) await once(latchkey, 'exit')
          assert.equal(command, 'systemctl start matrix-synapse')
          synapse = await startSynapse({ folder, serverName: 'syn.test', port })
        } else if (words[0] === 'start') {
          latchkey = spawn(process.execPath, [main, ...words], { cwd: folder, stdio: 'ignore' })
          await until('Latchkey to answer', () => whoami().catch(() => undefined), 60)
        } else {
          assert.equal(program, 'latchkey')
          const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], {
            cwd: folder,
            encoding: 'utf8',
          })
          assert.equal(status, 0, `${command}\n${stdout}${stderr}`)
          assert.equal(existsSync(join(folder, 'latchkey.yaml')), !words.includes('--dry-run'), command)
        }
      }
      // At the same address, with the same token, before, afterwards, and after the way back.
      if (when !== 'stopped') assert.equal(await whoami(), person.userId, when)
      seenAt.push(when)
    }
    assert.deepEqual(seenAt, ['', '', 'stopped', 'start', 'back'])
  } finally {
    latchkey?.kill('SIGKILL')
    await synapse.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
