// The npm package as people get it: packed, installed by name on each Node that it is for, started, and used by a program.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, test } from 'node:test'

const root = join(import.meta.dirname, '..', '..')
const home = mkdtempSync(join(tmpdir(), 'latchkey-package-'))
after(() => rmSync(home, { recursive: true, force: true }))

const run = (cwd: string, node: string, command: string, ...args: string[]): string => {
  const env = { ...process.env, PATH: `${dirname(node)}:${process.env['PATH']}`, HOME: home }
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

const folder = (name: string): string => {
  const path = join(home, name)
  mkdirSync(path)
  return path
}

/** Node of another version, from the registry; undefined where there is none to be had. */
function nodeOf(major: number): string | undefined {
  if (process.versions.node.startsWith(`${major}.`)) return process.execPath
  const path = folder(`node-${major}`)
  const { status } = spawnSync('npm', ['install', '--prefix', path, `node@${major}`], { cwd: path })
  return status === 0 ? join(path, 'node_modules', 'node', 'bin', 'node') : undefined
}

const program = `import { ConfigError, createHomeserver, type Homeserver } from 'latchkey'

const wrong = await createHomeserver({ server_name: 'not a name' }).catch((error: unknown) => error)
if (!(wrong instanceof ConfigError) || wrong.findings[0]?.key !== 'server_name') throw new Error('not refused')
await using homeserver: Homeserver = await createHomeserver({
  server_name: 'test', database: 'sqlite::memory:', listen: '127.0.0.1:0', log: { level: 'silent' },
  access_token_lifetime: '5m',
})
const lifetime: number | 'off' = homeserver.config.access_token_lifetime
const answer = await homeserver.inject({ url: '/_matrix/client/versions' })
const { versions } = answer.json() as { versions: string[] }
// @ts-expect-error there is no such setting
void (() => createHomeserver({ sever_name: 'test' }))
const { status: url } = await fetch(homeserver.url + '/_matrix/client/versions')
console.log(JSON.stringify({ lifetime, status: answer.statusCode, known: versions.includes('v1.11'), url }))
`

describe('the npm package', { concurrency: 1 }, () => {
  const packed = folder('packed')
  run(root, process.execPath, 'npm', 'pack', '--pack-destination', packed)
  const tarball = join(packed, readdirSync(packed)[0] ?? '')

  for (const major of [24, 26]) {
    test(`runs on Node ${major}: npm install -g, latchkey start, and the printed command`, async (context) => {
      const node = nodeOf(major)
      if (node === undefined) return context.skip(`Node ${major} cannot be installed here`)
      const prefix = folder(`global-${major}`)
      run(prefix, node, 'npm', 'install', '-g', '--prefix', prefix, tarball)
      const child = spawn(join(prefix, 'bin', 'latchkey'), ['start', '--listen', '127.0.0.1:0'], {
        cwd: folder(`work-${major}`),
        env: { ...process.env, PATH: `${dirname(node)}:${process.env['PATH']}`, HOME: home },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let complaints = ''
      child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints += text))
      try {
        let answer: { user_id?: string } | undefined
        for await (const line of createInterface(child.stdout)) {
          if (!line.trim().startsWith('curl ')) continue
          answer = JSON.parse(run(home, node, 'sh', '-c', line)) as { user_id?: string }
          break
        }
        assert.equal(answer?.user_id, '@alice:localhost', complaints)
        assert.doesNotMatch(complaints, /warning/i)
      } finally {
        child.kill('SIGTERM')
      }
    })
  }

  test('is a module with types, for a program that has nothing else installed', () => {
    const project = folder('project')
    writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }')
    writeFileSync(join(project, 'chat.ts'), program)
    const types = join(root, 'node_modules', '@types', 'node')
    const compilerOptions = {
      strict: true,
      module: 'nodenext',
      target: 'es2024',
      lib: ['es2024', 'esnext'],
      types: [types],
    }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['chat.ts'] }))
    run(project, process.execPath, 'npm', 'install', tarball)
    run(project, process.execPath, join(root, 'node_modules', '.bin', 'tsc'), '--noEmit')
    assert.deepEqual(JSON.parse(run(project, process.execPath, process.execPath, 'chat.ts')), {
      lifetime: 300_000,
      status: 200,
      known: true,
      url: 200,
    })
  })
})
