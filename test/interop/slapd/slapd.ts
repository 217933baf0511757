// OpenLDAP as a process of its own: an empty folder, a free port, a certificate made for the occasion.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Attribute, Change, Client } from 'ldapts'
import { freePort } from '../../harness/process.ts'

const program = '/usr/sbin/slapd'
const schemas = '/etc/ldap/schema'
const modules = '/usr/lib/ldap'

/** Why tests that need a directory are skipped; false where they are not. */
export const noSlapd: string | false = !existsSync(program)
  ? 'OpenLDAP (slapd) is not installed'
  : spawnSync('openssl', ['version']).status !== 0
    ? 'openssl is not installed'
    : false
if (noSlapd) console.log(`tests against OpenLDAP are skipped: ${noSlapd}`)

export const suffix = 'dc=example,dc=org'
export const admin = { dn: `cn=admin,${suffix}`, password: 'the administrator of the directory' }
export const service = { dn: `cn=latchkey,${suffix}`, password: 'the password of a service' }

/** A directory that is running. */
export interface Slapd extends AsyncDisposable {
  /** ldap:// */
  readonly url: string
  /** ldaps:// */
  readonly secureUrl: string
  /** The certificate authority, PEM, and the file that it is in. */
  readonly ca: string
  readonly caFile: string
  /** Does something as the administrator of the directory. */
  change(work: (client: Client) => Promise<unknown>): Promise<void>
  /** Stops it; `start` has it back, with what it knew. */
  stop(): Promise<void>
  start(): Promise<void>
  /** The binds that were asked for so far, by name. */
  binds(): string[]
}

const configuration = (folder: string): string => `
include ${schemas}/core.schema
include ${schemas}/cosine.schema
include ${schemas}/inetorgperson.schema
modulepath ${modules}
moduleload back_mdb
moduleload memberof
TLSCACertificateFile ${folder}/ca.pem
TLSCertificateFile ${folder}/server.pem
TLSCertificateKeyFile ${folder}/server.key
allow bind_anon_cred bind_anon_dn
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="${service.dn}" read by self read by * none
database mdb
suffix "${suffix}"
rootdn "${admin.dn}"
rootpw "${admin.password}"
directory ${folder}/data
maxsize 33554432
overlay memberof
`

const openssl = (folder: string, ...args: string[]): void => {
  const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
}

const certificates = (folder: string): void => {
  const short = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  openssl(
    folder,
    'req',
    '-x509',
    ...short,
    '-keyout',
    'ca.key',
    '-out',
    'ca.pem',
    '-subj',
    '/CN=an authority of the tests',
    '-addext',
    'basicConstraints=critical,CA:TRUE',
  )
  openssl(folder, 'req', ...short.slice(0, -2), '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost')
  writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  openssl(
    folder,
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-days',
    '2',
    '-extfile',
    'names',
    '-out',
    'server.pem',
  )
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket
      .once('connect', () => {
        socket.destroy()
        resolve(true)
      })
      .once('error', () => {
        resolve(false)
      })
  })

/** Somebody of the directory; the password is `password of UID`. */
export const person = (
  uid: string,
  more: Record<string, string | string[]> = {},
): Record<string, string | string[]> => ({
  objectClass: 'inetOrgPerson',
  uid,
  cn: `${uid} Example`,
  sn: 'Example',
  userPassword: `password of ${uid}`,
  ...more,
})

/** Starts an empty directory with people and groups in it. */
export const startSlapd = async (): Promise<Slapd> => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-slapd-'))
  mkdirSync(join(folder, 'data'))
  certificates(folder)
  writeFileSync(join(folder, 'slapd.conf'), configuration(folder))
  const [port, securePort] = [await freePort(), await freePort()]
  const url = `ldap://127.0.0.1:${port}`
  let child: ReturnType<typeof spawn> | undefined
  let log = ''
  const start = async (): Promise<void> => {
    // Debugging keeps it in the foreground; 256 is one line for each thing that is asked.
    const started = spawn(
      program,
      ['-d', '256', '-f', join(folder, 'slapd.conf'), '-h', `${url}/ ldaps://127.0.0.1:${securePort}/`],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    )
    started.stderr.setEncoding('utf8').on('data', (text: string) => {
      log += text
    })
    child = started
    for (let i = 0; !(await answers(port)) || !(await answers(securePort)); i++) {
      if (started.exitCode !== null || i > 300) throw new Error(`slapd does not start: ${log}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
  const stop = async (): Promise<void> => {
    if (!child || child.exitCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
  }
  const change: Slapd['change'] = async (work) => {
    const client = new Client({ url })
    try {
      await client.bind(admin.dn, admin.password)
      await work(client)
    } finally {
      await client.unbind()
    }
  }
  await start()
  await change(async (client) => {
    await client.add(suffix, { objectClass: ['dcObject', 'organization'], dc: 'example', o: 'Example' })
    await client.add(service.dn, {
      objectClass: ['organizationalRole', 'simpleSecurityObject'],
      cn: 'latchkey',
      userPassword: service.password,
    })
    for (const ou of ['people', 'groups'])
      await client.add(`ou=${ou},${suffix}`, { objectClass: 'organizationalUnit', ou })
    await client.add(dnOf('ann'), person('ann', { displayName: 'Ann of Example', mail: 'ann@example.org' }))
    await client.add(dnOf('bob'), person('bob', { employeeType: 'guest' }))
    await client.add(groupOf('staff'), { objectClass: 'groupOfNames', cn: 'staff', member: [dnOf('ann'), dnOf('bob')] })
  })
  return {
    url,
    secureUrl: `ldaps://127.0.0.1:${securePort}`,
    ca: readFileSync(join(folder, 'ca.pem'), 'utf8'),
    caFile: join(folder, 'ca.pem'),
    change,
    start,
    stop,
    binds: () => [...log.matchAll(/BIND dn="([^"]*)" method=128/g)].map(([, dn = '']) => dn),
    [Symbol.asyncDispose]: async () => {
      await stop()
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

export const dnOf = (uid: string): string => `uid=${uid},ou=people,${suffix}`
export const groupOf = (cn: string): string => `cn=${cn},ou=groups,${suffix}`

/** Gives an attribute other values; none takes it away. */
export const replace = (client: Client, dn: string, type: string, values: string[]): Promise<void> =>
  client.modify(dn, new Change({ operation: 'replace', modification: new Attribute({ type, values }) }))
