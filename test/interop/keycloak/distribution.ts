// The real Keycloak server, from Maven Central: kept in the user's cache, outside of the repository.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

const version = '26.4.0'
const artifact = `keycloak-quarkus-dist-${version}.zip`
const address = `https://repo.maven.apache.org/maven2/org/keycloak/keycloak-quarkus-dist/${version}/${artifact}`

const isKeycloak = (folder: string): boolean => existsSync(join(folder, 'bin', 'kc.sh'))

/** By Maven where it is there, with whatever mirror it is set up for; otherwise from Maven Central itself. */
const download = async (folder: string): Promise<string> => {
  const file = join(folder, artifact)
  const { status } = spawnSync(
    'mvn',
    [
      '-q',
      '-B',
      'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy',
      `-Dartifact=org.keycloak:keycloak-quarkus-dist:${version}:zip`,
      `-DoutputDirectory=${folder}`,
    ],
    { cwd: folder, stdio: 'ignore', timeout: 180_000 },
  )
  if (status === 0 && existsSync(file)) return file
  const reply = await fetch(address, { signal: AbortSignal.timeout(180_000) })
  if (!reply.ok) throw new Error(`${address} is answered with ${reply.status}`)
  writeFileSync(file, new Uint8Array(await reply.arrayBuffer()))
  return file
}

/** The folder of an unpacked Keycloak, fetched if need be; or why there is none. `LATCHKEY_TEST_KEYCLOAK` names one that is there, or is `off`. */
export const keycloakFolder = async (): Promise<{ folder: string } | { missing: string }> => {
  const named = process.env['LATCHKEY_TEST_KEYCLOAK']
  if (named === 'off') return { missing: 'LATCHKEY_TEST_KEYCLOAK is off' }
  const java = spawnSync('java', ['-version'], { encoding: 'utf8' })
  const major = Number(/version "(\d+)/.exec(java.stderr)?.[1] ?? 0)
  if (java.status !== 0 || major < 17) return { missing: 'Java 17 is not installed' }
  if (named !== undefined) return isKeycloak(named) ? { folder: named } : { missing: `${named} is no Keycloak` }
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'latchkey')
  const folder = join(cache, `keycloak-${version}`)
  if (isKeycloak(folder)) return { folder }
  mkdirSync(cache, { recursive: true })
  const work = mkdtempSync(join(cache, 'unpack-'))
  try {
    const zip = await download(work)
    // The JDK's own tool where there is no other. It forgets which files are programs.
    const unpacked = [
      ['unzip', '-q', zip],
      ['jar', 'xf', zip],
    ].some(([program = '', ...args]) => spawnSync(program, args, { cwd: work }).status === 0)
    if (!unpacked) return { missing: 'neither unzip nor jar is here' }
    renameSync(join(work, `keycloak-${version}`), folder)
    return { folder }
  } catch (error) {
    return { missing: `its distribution cannot be had (${error instanceof Error ? error.message : 'unknown'})` }
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}
