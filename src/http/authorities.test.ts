import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createAuthority } from '../../test/harness/certificates.ts'
import { defaultConfig } from '../config/index.ts'
import { authorityChecks, believeAuthorities, createOutgoing } from './index.ts'

test('an authority of the operator is believed once it is named, and a file that has none is a fault', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-ca-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const authority = createAuthority()
  const server = createServer(authority.issue(['127.0.0.1']), (_request, response) => response.end('yes'))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  stack.defer(() => void server.close())
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
  await assert.rejects(stack.use(createOutgoing())(url, { configured: true }), { code: 'unreachable' })

  const [file, wrong] = [join(folder, 'ca.pem'), join(folder, 'wrong.pem')]
  writeFileSync(file, authority.cert)
  writeFileSync(wrong, 'nothing')
  believeAuthorities(file)
  assert.equal((await stack.use(createOutgoing())(url, { configured: true })).body.toString(), 'yes')

  const findings = (path: string) =>
    authorityChecks({ ...defaultConfig(), ca_file: path }).map(({ message }) => message)
  assert.deepEqual(findings(file), [])
  assert.deepEqual(findings(wrong), ['"ca_file" cannot be used: there is no certificate in it.'])
  assert.match(findings(join(folder, 'none.pem'))[0] ?? '', /ENOENT/)
})
