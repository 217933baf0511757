// `npm run build:deb [-- --arch arm64] [--out FOLDER]`: a package for Debian and what comes of it, by dpkg-deb alone.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { gzipSync } from 'node:zlib'

import { exampleYaml } from '../src/config/index.ts'
import { type Machine, pack, readMachine, root, stage, thisMachine, version } from './stage.ts'

const own = join(import.meta.dirname, 'deb')
const scripts = ['postinst', 'prerm', 'postrm']

const sizeOf = (path: string): number =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0)

const control = (machine: Machine, bytes: number, release: string): string => `Package: latchkey
Version: ${release}
Architecture: ${machine}
Maintainer: The Latchkey project <packages@latchkey.invalid>
Installed-Size: ${Math.ceil(bytes / 1024)}
Depends: libc6 (>= 2.28), libstdc++6, libgcc-s1, libatomic1, passwd, util-linux
Recommends: ca-certificates
Section: net
Priority: optional
Description: Matrix homeserver that people enter with the key they already carry
 Sign-in by tokens (JWT) of a backend, by OpenID Connect, SAML, CAS or LDAP; an
 embedded database, or PostgreSQL. It brings the Node that it runs on.
`

/** Lays out what is installed, below a folder. */
function layOut(tree: string, tarball: string, machine: Machine): void {
  const put = (from: string, path: string, mode: number): void => {
    mkdirSync(join(tree, path, '..'), { recursive: true })
    copyFileSync(from, join(tree, path))
    chmodSync(join(tree, path), mode)
  }
  stage(tarball, join(tree, 'usr/lib/latchkey'), machine)
  put(join(own, 'latchkey'), 'usr/bin/latchkey', 0o755)
  put(join(own, 'latchkey.service'), 'usr/lib/systemd/system/latchkey.service', 0o644)
  put(join(own, 'latchkey.yaml'), 'etc/latchkey/latchkey.yaml', 0o640)
  const docs = join(tree, 'usr/share/doc/latchkey')
  mkdirSync(docs, { recursive: true })
  cpSync(join(root, 'docs', 'setup'), join(docs, 'setup'), { recursive: true })
  put(join(root, 'README.md'), 'usr/share/doc/latchkey/README.md', 0o644)
  put(join(root, 'LICENSE'), 'usr/share/doc/latchkey/copyright', 0o644)
  writeFileSync(join(docs, 'latchkey.yaml.example'), exampleYaml())
  writeFileSync(join(docs, 'changelog.gz'), gzipSync(readFileSync(join(root, 'CHANGELOG.md')), { level: 9 }))
}

/**
 * Makes the package in a folder, and says where it is.
 * @param release another version than that of this checkout, for tests of upgrades
 * @param compression as dpkg-deb names it; `none` is for tests
 */
export function buildDeb(
  tarball: string,
  machine: Machine,
  out: string,
  release = version,
  compression = 'xz',
): string {
  const work = mkdtempSync(join(tmpdir(), 'latchkey-deb-'))
  try {
    const tree = join(work, 'tree')
    layOut(tree, tarball, machine)
    mkdirSync(join(tree, 'DEBIAN'))
    writeFileSync(join(tree, 'DEBIAN/control'), control(machine, sizeOf(tree), release))
    writeFileSync(join(tree, 'DEBIAN/conffiles'), '/etc/latchkey/latchkey.yaml\n')
    for (const name of scripts) {
      copyFileSync(join(own, name), join(tree, 'DEBIAN', name))
      chmodSync(join(tree, 'DEBIAN', name), 0o755)
    }
    execFileSync('chmod', ['-R', 'u+rwX,go+rX,go-w', join(tree, 'usr')])
    chmodSync(tree, 0o755)
    const made = join(work, 'latchkey.deb')
    execFileSync('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '--build', tree, made])
    mkdirSync(out, { recursive: true })
    const path = join(out, `latchkey_${release}_${machine}.deb`)
    cpSync(made, path)
    return path
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { arch: { type: 'string', default: thisMachine }, out: { type: 'string', default: 'release' } },
  })
  const out = resolve(values.out)
  console.log(buildDeb(pack(out), readMachine(values.arch), out))
}
