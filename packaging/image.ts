// `npm run build:image [-- --out FOLDER]`: a container image as an OCI layout, made without an engine. In it are Node, the package, the
// libraries of this machine that Node is linked to, and nothing else: no shell, no package manager.
// It is for machines of this kind; another kind's is made there.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'
import { pack, root, stage, thisMachine, version } from './stage.ts'

/** The account that it runs as. */
const user = 10_001
const home = '/usr/lib/latchkey'
const program = [`${home}/node`, `${home}/node_modules/latchkey/bin/latchkey`]

const accounts = {
  'etc/passwd': `root:x:0:0:root:/root:/sbin/nologin\nlatchkey:x:${user}:${user}:Latchkey:/data:/sbin/nologin\n`,
  'etc/group': `root:x:0:\nlatchkey:x:${user}:\n`,
  'etc/nsswitch.conf': 'hosts: files dns\n',
}

/** The libraries that programs and modules are linked to, by the paths at which they are looked for. */
function librariesOf(files: readonly string[]): string[] {
  const said = execFileSync('ldd', files, { encoding: 'utf8' })
  const paths = [...said.matchAll(/(?:=> |^\t)(\/\S+) \(0x/gm)].map((match) => match[1] ?? '')
  return [...new Set(paths)].filter((path) => !path.startsWith(root))
}

/** Lays out the file system of the image. */
function layOut(tree: string, tarball: string): void {
  const place = join(tree, home)
  stage(tarball, place, thisMachine)
  const native = execFileSync('find', [place, '-name', '*.node', '-o', '-name', '*.so*'], { encoding: 'utf8' })
    .trim()
    .split('\n')
  // Names are asked for by libraries that nothing is linked to.
  const resolvers = ['libnss_files.so.2', 'libnss_dns.so.2'].map((name) =>
    join(
      dirname(
        realpathSync(process.arch === 'arm64' ? '/lib/aarch64-linux-gnu/libc.so.6' : '/lib/x86_64-linux-gnu/libc.so.6'),
      ),
      name,
    ),
  )
  for (const path of [
    ...librariesOf([join(place, 'node'), ...native]).filter((path) => !path.startsWith(tree)),
    ...resolvers,
  ]) {
    mkdirSync(join(tree, dirname(path)), { recursive: true })
    cpSync(realpathSync(path), join(tree, path))
  }
  mkdirSync(join(tree, 'etc'), { recursive: true })
  for (const [path, text] of Object.entries(accounts)) writeFileSync(join(tree, path), text)
  for (const path of ['data', 'tmp']) mkdirSync(join(tree, path))
  cpSync(join(root, 'LICENSE'), join(place, 'LICENSE'))
}

/** One layer, the same bytes for the same files: nothing of the hour or of who made it is in it. */
function layerOf(tree: string, work: string): Buffer {
  const tar = join(work, 'layer.tar')
  const same = [
    '--sort=name',
    '--mtime=@0',
    '--numeric-owner',
    '--owner=0',
    '--group=0',
    '--format=posix',
    '--pax-option=delete=atime,delete=ctime',
  ]
  execFileSync('chmod', ['-R', 'u+rwX,go+rX,go-w', tree])
  execFileSync('tar', [...same, '--exclude=./data', '--exclude=./tmp', '-C', tree, '-cf', tar, '.'])
  const own = ['--sort=name', '--mtime=@0', '--numeric-owner', `--owner=${user}`, `--group=${user}`, '--format=posix']
  execFileSync('tar', [...own, '-C', tree, '-rf', tar, './data', './tmp'])
  return readFileSync(tar)
}

const digestOf = (bytes: Uint8Array | string): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** What engines know of it. @see https://github.com/opencontainers/image-spec/blob/main/config.md */
const configOf = (diffId: string): object => ({
  architecture: thisMachine,
  os: 'linux',
  config: {
    User: `${user}:${user}`,
    Entrypoint: program,
    Cmd: ['start'],
    Env: ['LATCHKEY_DATA_DIR=/data', 'LATCHKEY_LISTEN=0.0.0.0:8008', 'HOME=/data', 'XDG_CACHE_HOME=/data/cache'],
    WorkingDir: '/data',
    Volumes: { '/data': {} },
    ExposedPorts: { '8008/tcp': {} },
    StopSignal: 'SIGTERM',
    // Not in the specification; engines that know it read it here.
    Healthcheck: { Test: ['CMD', ...program, 'health'], Interval: 30e9, Timeout: 10e9, StartPeriod: 10e9, Retries: 3 },
    Labels: {
      'org.opencontainers.image.title': 'Latchkey',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
    },
  },
  rootfs: { type: 'layers', diff_ids: [diffId] },
})

/**
 * Writes the layout into a folder, which is made anew.
 * @see https://github.com/opencontainers/image-spec/blob/main/image-layout.md
 */
export function buildImage(tarball: string, out: string): void {
  const work = mkdtempSync(join(tmpdir(), 'latchkey-image-'))
  try {
    layOut(join(work, 'tree'), tarball)
    const layer = layerOf(join(work, 'tree'), work)
    rmSync(out, { recursive: true, force: true })
    mkdirSync(join(out, 'blobs/sha256'), { recursive: true })
    const put = (mediaType: string, bytes: Uint8Array | string): object => {
      const digest = digestOf(bytes)
      writeFileSync(join(out, 'blobs', digest.replace(':', '/')), bytes)
      return { mediaType: `application/vnd.oci.image.${mediaType}`, digest, size: Buffer.byteLength(bytes) }
    }
    const manifest = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: put('config.v1+json', JSON.stringify(configOf(digestOf(layer)))),
      layers: [put('layer.v1.tar+gzip', gzipSync(layer, { level: 6 }))],
    }
    const index = {
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.index.v1+json',
      manifests: [
        {
          ...put('manifest.v1+json', JSON.stringify(manifest)),
          platform: { architecture: thisMachine, os: 'linux' },
          annotations: { 'org.opencontainers.image.ref.name': `latchkey:${version}` },
        },
      ],
    }
    writeFileSync(join(out, 'index.json'), JSON.stringify(index))
    writeFileSync(join(out, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Writes it as one file, as "docker load" and "podman load" take it, and says where that is. */
export function imageFile(tarball: string, out: string): string {
  const layout = join(out, `latchkey-${version}-${thisMachine}-oci`)
  buildImage(tarball, layout)
  execFileSync('tar', ['-C', layout, '-cf', `${layout}.tar`, '.'])
  rmSync(layout, { recursive: true })
  return `${layout}.tar`
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { out: { type: 'string', default: 'release' } } })
  const out = resolve(values.out)
  console.log(imageFile(pack(out), out))
}
