// Pebble, the authority that Let's Encrypt has for tests, and a DNS that leads every name here: built once from the Go module proxy.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:https'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { createAuthority } from '../../harness/certificates.ts'
import { until } from '../../harness/person.ts'
import { freePort } from '../../harness/process.ts'

const version = 'v2.10.3'
const cache = join(homedir(), '.cache', 'latchkey', `pebble-${version}`)
const programs = ['pebble', 'pebble-challtestsrv']

/** Why tests that need it are skipped; false where they are not. */
export const noPebble = ((): string | false => {
  if (programs.every((name) => existsSync(join(cache, name)))) return false
  if (spawnSync('go', ['version']).status !== 0) return 'Go is not installed'
  const wanted = programs.map((name) => `github.com/letsencrypt/pebble/v2/cmd/${name}@${version}`)
  const { status } = spawnSync('go', ['install', ...wanted], {
    env: { ...process.env, GOBIN: cache },
    stdio: 'inherit',
  })
  return status === 0 ? false : 'it cannot be built'
})()
if (noPebble) console.log(`tests against Pebble are skipped: ${noPebble}`)

/** An authority that is running. */
export interface Pebble extends AsyncDisposable {
  /** Where it says what it offers. */
  readonly directory: string
  /** What its own listener is signed by: a file for `ca_file`. */
  readonly caFile: string
  /** What the certificates that it gives are signed by, in PEM. */
  root(): Promise<string>
}

/**
 * @param tlsPort where it asks whether a name leads here: 443 elsewhere
 * @param external whether it takes only those who bring the key of the account `known`
 */
export async function startPebble(tlsPort: number, external?: { known: string; key: string }): Promise<Pebble> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-pebble-'))
  const [listen, management, dns, control] = [await freePort(), await freePort(), await freePort(), await freePort()]
  const authority = createAuthority()
  const { cert, key } = authority.issue(['127.0.0.1'])
  const file = (name: string, content: string): string => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const config = {
    pebble: {
      listenAddress: `127.0.0.1:${listen}`,
      managementListenAddress: `127.0.0.1:${management}`,
      certificate: file('cert.pem', cert),
      privateKey: file('key.pem', key),
      tlsPort,
      httpPort: tlsPort,
      externalAccountBindingRequired: external !== undefined,
      externalAccountMACKeys: external && { [external.known]: external.key },
    },
  }
  const caFile = file('ca.pem', authority.cert)
  const run = (name: string, args: string[]) =>
    spawn(join(cache, name), args, { stdio: 'ignore', env: { ...process.env, PEBBLE_VA_NOSLEEP: '1' } })
  const names = run('pebble-challtestsrv', [
    `-dnsserver=127.0.0.1:${dns}`,
    `-management=127.0.0.1:${control}`,
    '-defaultIPv4=127.0.0.1',
    ...['defaultIPv6', 'http01', 'https01', 'tlsalpn01', 'doh'].map((name) => `-${name}=`),
  ])
  const pebble = run('pebble', [
    '-config',
    file('pebble.json', JSON.stringify(config)),
    '-dnsserver',
    `127.0.0.1:${dns}`,
  ])
  const agent = new Agent({ ca: authority.cert })
  const fetchText = (url: string): Promise<string> =>
    new Promise((resolve, reject) => {
      get(url, { agent }, (response) => void text(response).then(resolve, reject)).on('error', reject)
    })
  const directory = `https://127.0.0.1:${listen}/dir`
  await until('Pebble answers', () => fetchText(directory).catch(() => undefined), 30)
  return {
    directory,
    caFile,
    root: () => fetchText(`https://127.0.0.1:${management}/roots/0`),
    [Symbol.asyncDispose]: async () => {
      agent.destroy()
      for (const child of [pebble, names]) {
        child.kill()
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      }
      rmSync(folder, { recursive: true })
    },
  }
}
