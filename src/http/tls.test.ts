import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAuthority } from '../../test/harness/certificates.ts'
import { createHttp } from './index.ts'

const authority = createAuthority()
const options = {
  routes: [],
  authenticate: () => assert.fail('nobody signs in'),
  log: { error: () => {}, info: () => {}, debug: () => {}, isLevelEnabled: () => false },
  now: () => Date.now(),
  randomId: () => 'abcdefghijklmnopqrstuvwxyz',
}

const status = (url: string, servername: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    request(url, { ca: authority.cert, servername }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })

test('a listener marked tls encrypts by itself, beside one that does not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-tls-'))
  const files = { certificateFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem') }
  try {
    const { cert, key } = authority.issue(['one.test', '127.0.0.1'])
    writeFileSync(files.certificateFile, cert)
    writeFileSync(files.keyFile, key)
    await using http = createHttp({ ...options, tls: files })
    const [secure = '', plain = ''] = await http.listen(['127.0.0.1:0 tls', '127.0.0.1:0'])
    assert.match(secure, /^https:/)
    assert.equal(await status(`${secure}/nothing`, 'one.test'), 404)
    await assert.rejects(status(`${secure}/nothing`, 'two.test'), /altnames|does not match/)
    assert.match(plain, /^http:/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a listener marked tls without a certificate says what is missing', async () => {
  await using http = createHttp(options)
  await assert.rejects(http.listen(['127.0.0.1:0 tls']), /tls\.certificate_file/)
})
