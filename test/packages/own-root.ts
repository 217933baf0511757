// This machine's file system, to be changed at will: an overlay in a mount namespace, gone with the process that was started in it.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const enter = `set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --rbind /dev "$1/root/dev"
mount --bind "$2" "$1/root/mnt"
exec chroot "$1/root" bash /mnt/script.sh`

export interface Outcome {
  readonly status: number | null
  readonly said: string
}

/** Runs a shell script as root over a copy of this machine, which sees `folder` as /mnt. */
export function inOwnRoot(folder: string, script: string): Outcome {
  const at = mkdtempSync(join(tmpdir(), 'latchkey-root-'))
  writeFileSync(join(folder, 'script.sh'), script)
  try {
    const { status, stdout, stderr } = spawnSync(
      'unshare',
      ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private', 'sh', '-c', enter, 'sh', at, folder],
      {
        encoding: 'utf8',
        timeout: 120_000,
        env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
      },
    )
    return { status, said: `${stdout}${stderr}` }
  } finally {
    rmSync(at, { recursive: true, force: true })
  }
}

/** Whether this account may do such things. */
export const canHaveOwnRoot = (): boolean =>
  process.platform === 'linux' && process.getuid?.() === 0 && spawnSync('unshare', ['--mount', 'true']).status === 0
