// The container image: taken apart as an engine does it, and run in its own root by the account and the command that it names.
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, describe, test } from 'node:test'
import { buildImage } from '../../packaging/image.ts'
import { pack } from '../../packaging/stage.ts'
import { canHaveOwnRoot } from './own-root.ts'

interface Descriptor {
  digest: string
  size: number
}
interface ImageConfig {
  config: {
    User: string
    Entrypoint: string[]
    Cmd: string[]
    Env: string[]
    WorkingDir: string
    Healthcheck: { Test: string[] }
  }
  rootfs: { diff_ids: string[] }
}

describe(
  'the container image',
  { skip: process.platform !== 'linux' && 'it is made of the libraries of a Linux' },
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-image-test-'))
    after(() => rmSync(folder, { recursive: true, force: true }))
    const layout = join(folder, 'oci')
    buildImage(pack(folder), layout)

    const blob = ({ digest, size }: Descriptor): Buffer => {
      const bytes = readFileSync(join(layout, 'blobs', digest.replace(':', '/')))
      assert.equal(`sha256:${createHash('sha256').update(bytes).digest('hex')}`, digest)
      assert.equal(bytes.length, size)
      return bytes
    }
    const json = (bytes: Buffer): unknown => JSON.parse(bytes.toString())
    const { manifests } = json(readFileSync(join(layout, 'index.json'))) as { manifests: [Descriptor] }
    const manifest = json(blob(manifests[0])) as { config: Descriptor; layers: [Descriptor] }
    const image = json(blob(manifest.config)) as ImageConfig
    const tree = join(folder, 'tree')
    mkdirSync(tree)
    execFileSync('tar', ['-xz', '-C', tree], { input: blob(manifest.layers[0]) })

    test('has digests that are right, no shell, and no root', () => {
      const tar = execFileSync('gzip', ['-d'], { input: blob(manifest.layers[0]), maxBuffer: 2 ** 30 })
      assert.deepEqual(image.rootfs.diff_ids, [`sha256:${createHash('sha256').update(tar).digest('hex')}`])
      assert.equal(image.config.User, '10001:10001')
      assert.equal(statSync(join(tree, 'bin/sh'), { throwIfNoEntry: false }), undefined)
    })

    test(
      'starts, answers its health check, makes thumbnails possible, and stops',
      { skip: !canHaveOwnRoot() && 'this needs root' },
      async () => {
        chmodSync(folder, 0o755)
        chownSync(join(tree, 'data'), 10_001, 10_001)
        const { User, Entrypoint, Cmd, Env } = image.config
        const [uid = '', gid = ''] = User.split(':')
        const env = Object.fromEntries(Env.map((line) => line.split('=') as [string, string]))
        const within = (...command: string[]): string[] => ['--userspec', `${uid}:${gid}`, tree, ...command]
        const child = spawn('/usr/sbin/chroot', within(...Entrypoint, ...Cmd, '--listen', '127.0.0.1:0'), {
          env,
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        try {
          let url: string | undefined
          for await (const line of createInterface(child.stdout)) {
            url = /running on (\S+)/.exec(line)?.[1]
            if (url !== undefined) break
          }
          assert.ok(url)
          const own = spawnSync(
            '/usr/sbin/chroot',
            within(...image.config.Healthcheck.Test.slice(1), '--listen', url.replace('http://', '')),
            { env, encoding: 'utf8' },
          )
          assert.deepEqual([own.status, own.stderr], [0, ''])
          assert.match(own.stdout, /"status":"ok"/)
          const sharp = `require('/usr/lib/latchkey/node_modules/sharp')({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
          .png().toBuffer().then((picture) => console.log(picture.length > 50))`
          assert.equal(
            execFileSync('/usr/sbin/chroot', within(Entrypoint[0] ?? '', '-e', sharp), { env, encoding: 'utf8' }),
            'true\n',
          )
          assert.equal(statSync(join(tree, 'data/latchkey.db')).uid, 10_001)
        } finally {
          child.kill('SIGTERM')
          await once(child, 'exit')
        }
      },
    )
  },
)
