// The Debian package: installed over a copy of this machine, run by its command, upgraded, purged. The unit is looked at by systemd's own tools.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { buildDeb } from '../../packaging/deb.ts'
import { pack, thisMachine, version } from '../../packaging/stage.ts'
import { canHaveOwnRoot, inOwnRoot } from './own-root.ts'

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0
const unit = join(import.meta.dirname, '..', '..', 'packaging', 'deb', 'latchkey.service')

const steps = (deb: string, newer: string): string => `set -eu
run() { latchkey start > /tmp/out & pid=$!
  for i in $(seq 300); do grep -q 'Latchkey serves' /tmp/out && break; kill -0 $pid; sleep 0.1; done
  url=$(grep -o 'http://[0-9.:]*' /tmp/out | head -1); }
dpkg -i /mnt/${deb}
stat -c '%U:%G %a' /etc/latchkey/latchkey.yaml /var/lib/latchkey
echo "unset: $(latchkey start 2>&1 || true)"
sed -i 's/^#server_name: .*/server_name: deb.example.org/' /etc/latchkey/latchkey.yaml
echo 'listen: 127.0.0.1:0' >> /etc/latchkey/latchkey.yaml
run
ps -o user= -p $pid
curl -s $url/_matrix/client/versions | head -c 12; echo
latchkey user create alice --no-password
kill $pid; wait $pid || true
stat -c '%U %a' /var/lib/latchkey/latchkey.db
dpkg -i /mnt/${newer}
run
latchkey user list
kill $pid; wait $pid || true
dpkg --purge latchkey
ls -d /etc/latchkey /var/lib/latchkey /var/cache/latchkey /usr/lib/latchkey 2>&1 | grep -v 'No such file' || echo nothing is left
getent passwd latchkey || echo nobody is left
`

describe('the Debian package', { skip: !has('dpkg-deb') && 'there is no dpkg-deb' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-deb-test-'))
  after(() => rmSync(folder, { recursive: true, force: true }))

  test(
    'is installed, runs as its own user, is upgraded, and purged',
    { skip: !canHaveOwnRoot() && 'this needs root and mount namespaces' },
    () => {
      const tarball = pack(folder)
      const names = [version, `${version}+1`].map(
        (release) => buildDeb(tarball, thisMachine, folder, release, 'none').split('/').pop() ?? '',
      )
      const { status, said } = inOwnRoot(folder, steps(names[0] ?? '', names[1] ?? ''))
      assert.equal(status, 0, said)
      assert.match(said, /^root:latchkey 640\nlatchkey:latchkey 700$/m)
      assert.match(said, /^unset: .*"server_name" is missing/m)
      assert.match(said, /^latchkey\n\{"versions":\n/m)
      assert.match(said, /@alice:deb\.example\.org[^]*^latchkey 600$[^]*@alice:deb\.example\.org/m)
      assert.match(said, /^nothing is left\nnobody is left$/m)
    },
  )

  test(
    'has a unit that systemd finds right, and hardened',
    { skip: !has('systemd-analyze') && 'there is no systemd-analyze' },
    () => {
      const own = join(folder, 'latchkey.service')
      // The program is looked for where it will be installed.
      writeFileSync(own, readFileSync(unit, 'utf8').replace('/usr/bin/latchkey', '/bin/true'))
      const verified = spawnSync('systemd-analyze', ['verify', own], { encoding: 'utf8' })
      assert.deepEqual([verified.status, verified.stderr], [0, ''])
      const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--threshold=20', own], {
        encoding: 'utf8',
      })
      const level = Number(/exposure level for latchkey\.service: ([\d.]+)/.exec(stdout)?.[1])
      assert.ok(level < 2, `exposed by ${level}`)
    },
  )
})
