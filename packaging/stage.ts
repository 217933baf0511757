// What the deb and the image have in common: a folder with Node and the npm package, which needs nothing else.
import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..')

/** Machines that packages are made for, by the names that Debian and OCI give them. */
export type Machine = 'amd64' | 'arm64'
const cpus = { amd64: 'x64', arm64: 'arm64' } as const

export const thisMachine: Machine = process.arch === 'arm64' ? 'arm64' : 'amd64'

/** Reads `--arch amd64 --out FOLDER`. @throws Error for another machine */
export function readMachine(text: string): Machine {
  if (text === 'amd64' || text === 'arm64') return text
  throw new Error(`There is no package for "${text}": amd64 and arm64 are the machines`)
}

const npm = (cwd: string, ...args: string[]): string =>
  execFileSync('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error'], { cwd, encoding: 'utf8' })

export const versionOf = (manifest: string): string =>
  String((JSON.parse(readFileSync(manifest, 'utf8')) as { version: unknown }).version)

/** The version of this checkout. */
export const version = versionOf(join(root, 'package.json'))

/** Packs the npm package into a folder, and says where it is. */
export function pack(folder: string): string {
  mkdirSync(folder, { recursive: true })
  npm(root, 'pack', '--pack-destination', folder)
  return join(folder, `latchkey-${version}.tgz`)
}

/** Fills a folder: `node`, and the package with what it needs under `node_modules`. The Node is the one that this checkout is tested with. */
export function stage(tarball: string, folder: string, machine: Machine): void {
  const cpu = cpus[machine]
  const node = `node-linux-${cpu}`
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const platform = ['--os=linux', `--cpu=${cpu}`, '--libc=glibc']
  npm(
    folder,
    'install',
    '--prefix',
    folder,
    '--no-save',
    '--ignore-scripts',
    '--force',
    ...platform,
    tarball,
    `${node}@${process.versions.node}`,
  )
  const modules = join(folder, 'node_modules')
  cpSync(join(modules, node, 'bin', 'node'), join(folder, 'node'))
  cpSync(join(modules, node, 'LICENSE'), join(folder, 'node-LICENSE'))
  chmodSync(join(folder, 'node'), 0o755)
  rmSync(join(modules, node), { recursive: true })
  for (const name of ['.bin', '.package-lock.json']) rmSync(join(modules, name), { recursive: true, force: true })
  // Where there is no compiler nobody builds the native parts anew.
  if (!existsSync(join(modules, '@img', `sharp-linux-${cpu}`)))
    throw new Error(`sharp is not there for ${machine}: ${readdirSync(join(modules, '@img')).join()}`)
}
